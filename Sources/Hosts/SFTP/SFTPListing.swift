import Glibc
import Ledger
import Platform

/// The names of one directory with their attributes, packed: a million of them cost their bytes and 44 each.
struct SFTPListing: Sendable {
    struct Row: Sendable {
        /// Where the name lies in the arena; a directory's has a slash at its end.
        fileprivate var start: UInt32
        fileprivate var length: UInt32
        /// Where the link's target lies, for a symbolic link that has been read; or why it has not been.
        var link: Int32 = -1
        var attributes: SFTPAttributes
    }

    private var arena: [UInt8] = []
    private(set) var rows: [Row] = []
    private(set) var links: [Result<ByteString, Fault>] = []

    var count: Int { rows.count }

    /// Adds a name as the server gave it; `.` and `..` are left out.
    ///
    /// - Throws: `damaged` for a name that no directory can hold, `limit` for one that is too long.
    mutating func add(_ name: UnsafeRawBufferPointer, _ attributes: SFTPAttributes, limits: TreeLimits) throws(Fault) {
        let (dot, slash) = (UInt8(ascii: "."), UInt8(ascii: "/"))
        if name.count <= 2, !name.isEmpty, name.allSatisfy({ $0 == dot }) { return }
        guard !name.isEmpty, !name.contains(0), !name.contains(slash) else {
            throw Fault(.damaged, "a listing with the impossible name '\(ByteString(name.prefix(200)))'")
        }
        guard name.count <= limits.name else {
            throw Fault(.limit, "a name of \(name.count) bytes, accepted are \(limits.name)")
        }
        guard rows.count < limits.entries, arena.count < Int(UInt32.max) - 2 * limits.name else {
            throw Fault(.limit, "more than \(limits.entries) entries")
        }
        let start = arena.count
        arena.append(contentsOf: name)
        if attributes.kind == .directory { arena.append(slash) }
        rows.append(
            Row(start: UInt32(start), length: UInt32(arena.count - start), attributes: attributes))
    }

    /// Sets what was asked for after the listing.
    mutating func settle(_ row: Int, _ attributes: SFTPAttributes) {
        rows[row].attributes = attributes
        guard attributes.kind == .directory else { return }
        // The arena's names are not to be moved, so this one is written once more.
        let name = Array(arena[Int(rows[row].start)..<Int(rows[row].start + rows[row].length)])
        rows[row].start = UInt32(arena.count)
        rows[row].length += 1
        arena += name + [UInt8(ascii: "/")]
    }

    mutating func settle(_ row: Int, link: Result<ByteString, Fault>) {
        rows[row].link = Int32(links.count)
        links.append(link)
    }

    /// Brings the rows into walking order, which is the byte order of the paths.
    ///
    /// Of two rows of one name, as a directory
    /// may give when it changes meanwhile, one stays.
    mutating func sort() {
        arena.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            func order(_ left: Row, _ right: Row) -> Int {
                let common = memcmp(
                    base + Int(left.start), base + Int(right.start), Int(min(left.length, right.length)))
                return common != 0 ? Int(common) : Int(left.length) - Int(right.length)
            }
            rows.sort { order($0, $1) < 0 }
            var kept = 0
            for index in rows.indices where index == 0 || order(rows[kept - 1], rows[index]) != 0 {
                rows[kept] = rows[index]
                kept += 1
            }
            rows.removeLast(rows.count - kept)
        }
    }

    /// The name of a row, with a slash behind a directory's.
    func name(_ row: Int) -> ArraySlice<UInt8> {
        arena[Int(rows[row].start)..<Int(rows[row].start + rows[row].length)]
    }

    /// The name without the slash.
    func plainName(_ row: Int) -> ArraySlice<UInt8> {
        rows[row].attributes.kind == .directory ? name(row).dropLast() : name(row)
    }
}
