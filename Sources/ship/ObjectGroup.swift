import Archive
import Codec
import Ledger
import Platform
import Vault

/// All that the listing of a vault, its manifests and the records on staging tell of an archive and what lies beside it, or
/// of a manifest and its digest file.
///
/// They come in any order and in any number, so each fact is a row, and rows of one group are found side by side once all
/// are sorted.
struct ObjectGroup: Sendable {
    /// What the names of the group have in common: they differ in what follows.
    private(set) var base: String
    private(set) var listed: [ObjectKey: ObjectHead] = [:]
    private(set) var records: [ObjectKey: UnitRecord.Output] = [:]
    /// Archives that manifests name which count, each with the run that made it.
    private(set) var archives: [ObjectKey: String] = [:]
    /// A manifest that counts.
    private(set) var manifests: Set<ObjectKey> = []
    /// What only older manifests name, and these themselves: it may be there or not.
    private(set) var superseded: Set<ObjectKey> = []

    private enum Tag: String { case listed, record, archive, manifest, superseded }

    /// Everything that is named, sidecars included.
    var named: Set<ObjectKey> {
        var named: Set<ObjectKey> = []
        for key in archives.keys { named.formUnion(Self.withSidecars(key)) }
        for key in manifests { named.formUnion(Self.withDigest(key)) }
        return named
    }

    static func withSidecars(_ archive: ObjectKey) -> [ObjectKey] {
        guard let base = ArchiveName(ofArchive: archive.description)?.base else { return [archive] }
        return [archive] + [ArchiveName.indexSuffix, ArchiveName.digestSuffix].compactMap { try? ObjectKey(base + $0) }
    }

    static func withDigest(_ manifest: ObjectKey) -> [ObjectKey] {
        [manifest] + [try? ObjectKey(manifest.description + ArchiveName.digestSuffix)].compactMap { $0 }
    }

    private static func base(of key: ObjectKey, _ layout: VaultLayout) -> String {
        let text = key.description
        if layout.manifest(key) != nil { return text }
        for suffix in [ArchiveName.digestSuffix, ArchiveName.indexSuffix] where text.hasSuffix(suffix) {
            return String(text.dropLast(suffix.utf8.count))
        }
        return ArchiveName(ofArchive: text)?.base ?? text
    }

    // MARK: Rows

    /// Puts facts into a sorter.
    final class Writer {
        private let sorter: RowSorter
        private let layout: VaultLayout
        private var row = RowWriter()

        init(_ sorter: RowSorter, _ layout: VaultLayout) {
            self.sorter = sorter
            self.layout = layout
        }

        func listed(_ key: ObjectKey, _ head: ObjectHead) throws(Fault) {
            begin(.listed, key)
            row.field(head.size)
            row.field(head.modified)
            try end()
        }

        func record(_ key: ObjectKey, _ output: UnitRecord.Output) throws(Fault) {
            begin(.record, key)
            row.field(output.size)
            row.field(output.sha256)
            try end()
        }

        func archive(_ key: ObjectKey, run: String) throws(Fault) {
            begin(.archive, key)
            row.field(run)
            try end()
        }

        func manifest(_ key: ObjectKey) throws(Fault) {
            begin(.manifest, key)
            try end()
        }

        func superseded(_ key: ObjectKey) throws(Fault) {
            begin(.superseded, key)
            try end()
        }

        private func begin(_ tag: Tag, _ key: ObjectKey) {
            row.field(ObjectGroup.base(of: key, layout))
            row.field(tag.rawValue)
            row.field(key.description)
        }

        private func end() throws(Fault) {
            row.endRow()
            try sorter.add(&row)
        }
    }

    /// Reads groups out of sorted rows.
    final class Reader {
        private let rows: SortedRowsReader
        private var row: RowReader?

        init(_ rows: SortedRows) throws(Fault) {
            self.rows = try rows.reader()
            row = try self.rows.next()
        }

        /// The next group, or nothing at the end.
        func next() throws(Fault) -> ObjectGroup? {
            guard let first = row else { return nil }
            var group = ObjectGroup(base: try first.text(0))
            while let row, try row.text(0) == group.base {
                try group.take(row)
                self.row = try rows.next()
            }
            return group
        }
    }

    private init(base: String) { self.base = base }

    private mutating func take(_ row: RowReader) throws(Fault) {
        let key = try ObjectKey(try row.text(2))
        switch Tag(rawValue: try row.text(1)) {
        case .listed: listed[key] = ObjectHead(size: try row.int(3), modified: try row.timestamp(4))
        case .record:
            guard let digest = try row.digest(4) else { throw row.fault("has no digest") }
            records[key] = UnitRecord.Output(path: key.description, size: try row.int(3), sha256: digest)
        case .archive: archives[key] = try row.text(3)
        case .manifest: manifests.insert(key)
        case .superseded: superseded.insert(key)
        case nil: throw row.fault("is of no known kind")
        }
    }
}
