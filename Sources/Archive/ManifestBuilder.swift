import Codec
package import Ledger
package import Platform

/// Makes the manifest of a host: its entry list joined with the indexes of the archives that hold what it took.
///
/// Everything comes in key order, so one pass suffices. An index is opened only when the merge reaches the first key that
/// the archive has of this host, and closed after the last: with one tenant after the other, one is open at a time.
package struct ManifestBuilder {
    /// An archive that holds entries of the host.
    package struct Share {
        package var firstKey: ByteString
        package var entries: Int64
        /// The vault key of the archive.
        package var object: String
        package var storageClass: String
        package var open: () throws(Fault) -> ArchiveIndexReader

        package init(
            firstKey: ByteString, entries: Int64, object: String, storageClass: String,
            open: @escaping () throws(Fault) -> ArchiveIndexReader
        ) {
            self.firstKey = firstKey
            self.entries = entries
            self.object = object
            self.storageClass = storageClass
            self.open = open
        }
    }

    private final class Cursor {
        let share: Share
        let reader: ArchiveIndexReader
        var row: ArchiveIndex.Row?
        init(_ share: Share, host: String) throws(Fault) {
            self.share = share
            reader = try share.open()
            try advance(host)
        }
        func advance(_ host: String) throws(Fault) {
            repeat { row = try reader.next() } while row != nil && row?.host != host
        }
    }

    private let host: String
    private let run: String

    package init(host: String, run: String) {
        self.host = host
        self.run = run
    }

    /// Joins list and shares into `writer`.
    ///
    /// - Throws: `damaged` when an entry that was taken is in no archive: a manifest never claims what is not held.
    package func build(list: EntryListReader, shares: [Share], into writer: ManifestWriter) throws(Fault) {
        var waiting = shares.sorted { $0.firstKey < $1.firstKey }[...]
        var open: [Cursor] = []
        while let listRow = try list.next() {
            try Shutdown.check()
            var row = listRow.manifest
            switch listRow.action {
            case .carry: break
            case .skip:
                row.flags.insert(.skipped)
                row.reason = listRow.reason
            case .take:
                let key = listRow.entry.key
                while let share = waiting.first, !(key < share.firstKey) {
                    open.append(try Cursor(share, host: host))
                    waiting = waiting.dropFirst()
                }
                guard let cursor = open.first(where: { $0.row?.key == key }), let found = cursor.row else {
                    throw Fault(
                        .damaged, "\(host): '\(key)' was collected but is in no archive of run \(run)",
                        hint: "Run pack again with --force; the run's archives don't fit its entry lists.")
                }
                guard found.sha256 == row.sha256 else {
                    throw Fault(
                        .damaged, "\(host): '\(key)' was collected with another SHA-256 than run \(run)'s archive has",
                        hint: "Run pack again with --force; the run's archives don't fit its entry lists.")
                }
                row.entry.kind = found.entry.kind
                if found.entry.kind == .file { row.entry.link = ByteString() }
                row.name = found.entry.key
                row.range = found.range
                row.object = cursor.share.object
                row.storageClass = cursor.share.storageClass
                row.run = run
                try cursor.advance(host)
                if cursor.row == nil { open.removeAll { $0 === cursor } }
            }
            try writer.write(row)
        }
        if let left = open.lazy.compactMap({ $0.row?.key }).first ?? waiting.first?.firstKey {
            throw Fault(.damaged, "\(host): '\(left)' is in an archive of run \(run) but not in its entry list")
        }
    }
}
