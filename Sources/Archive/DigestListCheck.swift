import Codec
import Ledger
import Platform

/// Compares the list of digests, an archive's last entry, with what the archive holds before it.
///
/// It stands for the end of the archive where no index tells it: a tar that is cut where an entry and its member end looks
/// whole otherwise. The lines come in the order of the entries, so those of files are compared by one digest over all of
/// them; only hard links, whose digest is that of another entry, are held in memory.
struct DigestListCheck {
    private let archive: String
    /// The lines that the files so far should have.
    private var files = SHA256Hasher()
    private var text = DigestText()
    /// By the line's name of a link, that of the file.
    private var links: [[UInt8]: [UInt8]] = [:]
    private var targets: Set<[UInt8]> = []
    /// The entry that is being read, or was read last, if it may be the list.
    private var list: List?

    /// What an entry says that may be the list.
    private struct List {
        /// The digest of the lines that it should have.
        let expected: Digest256
        var files = SHA256Hasher()
        var line: [UInt8] = []
        /// By the line's name: the digests of links, and of the files that they are names of.
        var links: [[UInt8]: [UInt8]] = [:]
        var targets: [[UInt8]: [UInt8]] = [:]
        /// Lines of links.
        var count = 0
    }

    /// The longest line that is read; names in a tar are hardly ever longer than a path, which has 4096 bytes.
    private static let longestLine = 1 << 20

    init(_ archive: String) { self.archive = archive }

    /// An entry begins.
    mutating func begin(_ entry: Entry) {
        list = entry.kind == .file && DigestText.isName(of: entry.key) ? List(expected: files.finish()) : nil
        if list != nil { hasList = true }
        if entry.kind == .hardLink {
            let target = Self.name(entry.link)
            links[Self.name(entry.key)] = target
            targets.insert(target)
        }
    }

    /// A name as a line has it, behind the digest; a mark in front tells that it is escaped.
    private static func name(_ name: ByteString) -> [UInt8] {
        let label = DigestText.label(name)
        return (label.isOdd ? [UInt8(ascii: "\\")] : []) + label.bytes
    }

    /// Content of the entry.
    mutating func add(_ piece: UnsafeRawBufferPointer) throws(Fault) {
        guard var list else { return }
        self.list = nil
        var rest = piece[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            list.line += rest[..<end]
            look(at: list.line, &list)
            list.line.removeAll(keepingCapacity: true)
            rest = rest[(end + 1)...]
        }
        list.line += rest
        guard list.line.count <= Self.longestLine else {
            throw Fault(.damaged, "\(archive): a line of more than \(Self.longestLine) bytes in its list of digests")
        }
        self.list = list
    }

    private func look(at line: [UInt8], _ list: inout List) {
        if !links.isEmpty {
            let mark = line.prefix { $0 == UInt8(ascii: "\\") }
            let digest = line.dropFirst(mark.count).prefix(64)
            let name = Array(mark) + line.dropFirst(mark.count + digest.count + 2)
            if links[name] != nil {
                list.links[name] = Array(digest)
                list.count += 1
                return
            }
            if targets.contains(name) { list.targets[name] = Array(digest) }
        }
        (line + [UInt8(ascii: "\n")]).withUnsafeBytes { list.files.update($0) }
    }

    /// A file's content has ended.
    mutating func end(_ entry: Entry, _ digest: Digest256) {
        text.add(digest, entry.key)
        text.bytes.withUnsafeBytes { files.update($0) }
        text.clear()
    }

    /// Whether an entry so far may be the list, at the end of the archive or not.
    private(set) var hasList = false

    /// The archive has ended.
    ///
    /// - Throws: `damaged` when its last entry is no list of digests, or lists others than the archive holds.
    func finish() throws(Fault) {
        guard let list else {
            throw Fault(
                .damaged,
                "\(archive): does not end with \(DigestText.name), its list of digests: it is cut off, or pack did not make it"
            )
        }
        let isGood =
            list.line.isEmpty && list.files.finish() == list.expected && list.count == links.count
            && links.allSatisfy { name, target in list.links[name] != nil && list.links[name] == list.targets[target] }
        guard isGood else {
            throw Fault(
                .damaged,
                "\(archive): its list of digests, the last entry, is not that of the files before it: some are missing or changed"
            )
        }
    }
}
