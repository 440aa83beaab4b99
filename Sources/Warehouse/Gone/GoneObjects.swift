import Codec
package import Platform

/// Objects of one database in a vault that inventories list no more, or that are on their way out, and what speaks for
/// keeping each.
///
/// They lie in a file, in the order of their keys; a byte of each is in memory.
package final class GoneObjects {
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
    }

    private let file: File
    private let gzip: GzipWriter
    private var row = RowWriter()
    private var marks: [UInt8] = []
    /// Objects that manifests name under another key than theirs, by eight bytes of their digest, with their marks.
    private var others: [UInt64: UInt8] = [:]

    private enum Column { static let (key, object) = (0, 1) }
    private static let named = ["key", "object"]

    /// - Parameter scratch: a local directory.
    /// - Throws: the system's fault.
    package init(scratch: Directory) throws(Fault) {
        file = try scratch.unnamedFile()
        gzip = try GzipWriter(file, level: 1)
    }

    package var count: Int { marks.count }

    /// Whether all of them are needed: then no further manifest can tell anything new.
    package var areAllNeeded: Bool {
        marks.allSatisfy { !Marks(rawValue: $0).isDisjoint(with: [.listed, .kept, .planned]) }
    }

    /// Adds one; they come in the order of their keys.
    package func append(_ object: StoredObjects.Object, _ marks: Marks) throws(Fault) {
        row.field(object.key)
        row.field(object.object)
        row.field(object.size)
        row.field(object.created)
        row.field(object.storageClass)
        row.endRow()
        try gzip.write(&row)
        self.marks.append(marks.rawValue)
    }

    /// Ends the adding.
    package func finish() throws(Fault) { _ = try gzip.finish() }

    /// Marks all that a manifest names.
    ///
    /// - Parameters:
    ///   - manifest: one that is committed, or the plan of one.
    ///   - mark: what it tells of the objects.
    /// - Throws: `damaged` for a table that can't be read to its end, or is not in order: nobody knows what it names.
    package func mark(_ manifest: any RangedSource, _ mark: Marks) throws(Fault) {
        let scanner = try TableScanner(gzip: manifest, columns: Self.named, required: ["key", "object"])
        let reader = RowReader(gzip: try FileSource(file))
        var index = -1
        var (key, object) = (ByteString(), ByteString())
        func advance() throws(Fault) {
            index += 1
            guard index < marks.count, try reader.next() else { return index = marks.count }
            (key, object) = (try reader.bytes(Column.key), try reader.bytes(Column.object))
        }
        try advance()
        /// Those of one key, as they come.
        var group: [(object: ByteString, index: Int)] = []
        var groupKey = ByteString()
        var last = ByteString()
        var rows = 0
        while try scanner.next() {
            rows += 1
            if rows & 0xFFFF == 0 { try Shutdown.check() }
            let rowKey = try scanner.unescaped(0) { ByteString($0) }
            guard rows == 1 || last < rowKey else { throw scanner.fault("is not in the order of its keys") }
            last = rowKey
            guard !scanner.field(1).isEmpty else { continue }
            let named = try scanner.unescaped(1) { ByteString($0) }
            if !named.bytes.suffix(rowKey.count).elementsEqual(rowKey.bytes) {
                others[Self.word(named), default: 0] |= mark.rawValue
            }
            while index < marks.count, key < rowKey { try advance() }
            if groupKey != rowKey { (group, groupKey) = ([], rowKey) }
            while index < marks.count, key == rowKey {
                group.append((object, index))
                try advance()
            }
            for one in group where one.object == named { marks[one.index] |= mark.rawValue }
        }
    }

    private static func word(_ object: ByteString) -> UInt64 {
        SHA256Hasher.digest(of: object.bytes).bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
    }

    /// Calls `each` with every object and all that is known of it.
    package func forEach(_ each: (StoredObjects.Object, Marks) throws(Fault) -> Void) throws(Fault) {
        let reader = RowReader(gzip: try FileSource(file))
        var index = 0
        while index < marks.count, try reader.next() {
            let object = StoredObjects.Object(
                key: try reader.bytes(0), object: try reader.bytes(1), size: try reader.int(2),
                created: try reader.timestamp(3), storageClass: try reader.text(4))
            try each(object, Marks(rawValue: marks[index] | (others[Self.word(object.object)] ?? 0)))
            index += 1
        }
        guard index == marks.count else { throw Fault(.damaged, "the scratch file has lost rows") }
    }
}
