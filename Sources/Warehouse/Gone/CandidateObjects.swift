import Codec
package import Platform

/// Objects of one database in a vault that may go, or are on their way out, and what speaks for keeping each.
///
/// They lie in a file, in the order of their keys; a byte of each is in memory.
package final class CandidateObjects {
    package struct Marks: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// An inventory lists its key.
        package static let listed = Marks(rawValue: 1)
        /// Some manifest names it.
        package static let known = Marks(rawValue: 2)
        /// A manifest that is kept names it.
        package static let kept = Marks(rawValue: 4)
        /// A plan that is not carried out yet names it.
        package static let planned = Marks(rawValue: 8)
        /// The newest manifest names another object for its key.
        package static let replaced = Marks(rawValue: 16)
        /// It is on its way out.
        package static let departing = Marks(rawValue: 32)
        /// What looks like a generation is the end of its key.
        package static let literal = Marks(rawValue: 64)

        /// Whether other content of its key is held in its place.
        package var isReplaced: Bool { contains(.replaced) && !contains(.literal) }

        /// Whether it stays: what the source has stays as long as no other content of its key is held.
        package var isNeeded: Bool {
            !isDisjoint(with: [.kept, .planned]) || (contains(.listed) && !isReplaced)
        }
    }

    /// Rows on their way into a file.
    private final class Table {
        let file: File
        private let gzip: GzipWriter
        private var row = RowWriter()
        var marks: [UInt8] = []

        init(_ scratch: Directory) throws(Fault) {
            file = try scratch.unnamedFile()
            gzip = try GzipWriter(file, level: 1)
        }

        func append(_ object: StoredObjects.Object, _ mark: UInt8) throws(Fault) {
            row.field(object.key)
            row.field(object.object)
            row.field(object.size)
            row.field(object.created)
            row.field(object.storageClass)
            row.endRow()
            marks.append(mark)
            if row.bytes.count >= 64 << 10 { try gzip.write(&row) }
        }

        func finish() throws(Fault) {
            try gzip.write(&row)
            _ = try gzip.finish()
        }
    }

    private let scratch: Directory
    private var table: Table
    /// Marks of objects that manifests name under another key than that by which they are sorted, by eight bytes of their
    /// digest.
    private var others: [UInt64: UInt8] = [:]

    private enum Column { static let (key, object) = (0, 1) }
    private static let named = ["key", "object"]

    /// - Parameter scratch: a local directory.
    /// - Throws: the system's fault.
    package init(scratch: Directory) throws(Fault) {
        self.scratch = scratch
        table = try Table(scratch)
    }

    package var count: Int { table.marks.count }

    /// Whether all of them are needed: then no further manifest can tell anything new.
    package var areAllNeeded: Bool { table.marks.allSatisfy { Marks(rawValue: $0).isNeeded } }

    /// Adds one; they come in the order of their keys.
    package func append(_ object: StoredObjects.Object, _ marks: Marks) throws(Fault) {
        try table.append(object, marks.rawValue)
    }

    /// Ends the adding.
    package func finish() throws(Fault) { try table.finish() }

    /// Marks all that a manifest names.
    ///
    /// - Parameters:
    ///   - manifest: one that is committed, or the plan of one.
    ///   - mark: what it tells of the objects.
    ///   - isNewest: whether what it names for a key is what is held of it now.
    /// - Throws: `damaged` for a table that can't be read to its end, or is not in order: nobody knows what it names.
    package func mark(_ manifest: any RangedSource, _ mark: Marks, isNewest: Bool = false) throws(Fault) {
        let scanner = try TableScanner(gzip: manifest, columns: Self.named, required: ["key", "object"])
        let reader = RowReader(gzip: try FileSource(table.file))
        var index = -1
        var (key, object) = (ByteString(), ByteString())
        func advance() throws(Fault) {
            index += 1
            guard index < count, try reader.next() else { return index = count }
            (key, object) = (try reader.bytes(Column.key), try reader.bytes(Column.object))
        }
        try advance()
        var last = ByteString()
        var rows = 0
        while try scanner.next() {
            rows += 1
            if rows & 0xFFFF == 0 { try Shutdown.check() }
            let rowKey = try scanner.unescaped(0) { ByteString($0) }
            guard rows == 1 || last < rowKey else { throw scanner.fault("is not in the order of its keys") }
            last = rowKey
            while index < count, key < rowKey { try advance() }
            guard !scanner.field(1).isEmpty else { continue }
            let isGeneration = StoredObjects.withoutGeneration(rowKey) != nil
            guard isGeneration || (index < count && key == rowKey) else { continue }
            let named = try scanner.unescaped(1) { ByteString($0) }
            if isGeneration, named.bytes.suffix(rowKey.count).elementsEqual(rowKey.bytes) {
                others[KeyDigests.word(named), default: 0] |= mark.union(.literal).rawValue
            }
            while index < count, key == rowKey {
                if object == named {
                    table.marks[index] |= mark.rawValue
                } else if isNewest {
                    table.marks[index] |= Marks.replaced.rawValue
                }
                try advance()
            }
        }
    }

    /// Lets those go of which nothing is to be decided.
    ///
    /// - Parameter dropped: told each that stays where it is.
    /// - Throws: the system's fault.
    package func narrow(_ dropped: (StoredObjects.Object) -> Void) throws(Fault) {
        let narrowed = try Table(scratch)
        try forEach { (object, marks) throws(Fault) in
            if marks.isNeeded, !marks.contains(.departing) { return dropped(object) }
            try narrowed.append(object, marks.subtracting(.literal).rawValue)
        }
        try narrowed.finish()
        table = narrowed
    }

    /// Calls `each` with every object and all that is known of it.
    package func forEach(_ each: (StoredObjects.Object, Marks) throws(Fault) -> Void) throws(Fault) {
        let reader = RowReader(gzip: try FileSource(table.file))
        var index = 0
        while index < count, try reader.next() {
            let object = StoredObjects.Object(
                key: try reader.bytes(0), object: try reader.bytes(1), size: try reader.int(2),
                created: try reader.timestamp(3), storageClass: try reader.text(4))
            let other = others.isEmpty ? 0 : others[KeyDigests.word(object.object)] ?? 0
            try each(object, Marks(rawValue: table.marks[index] | other))
            index += 1
        }
        guard index == count else { throw Fault(.damaged, "the scratch file has lost rows") }
    }
}
