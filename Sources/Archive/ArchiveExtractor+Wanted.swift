package import Codec
package import Ledger
package import Platform

extension ArchiveExtractor {
    /// One entry that is wanted.
    package struct Wanted: Sendable {
        /// The name inside the tar.
        package var name: ByteString
        /// The compressed range of the members that cover it.
        package var range: Range<Int64>
        package var sha256: Digest256?
        /// The entry with the metadata to restore, and the names under which to restore it; the first gets the content,
        /// the others become hard links to it.
        package var entry: Entry
        package var outputs: [ByteString]

        package init(
            name: ByteString, range: Range<Int64>, sha256: Digest256?, entry: Entry, outputs: [ByteString]
        ) {
            self.name = name
            self.range = range
            self.sha256 = sha256
            self.entry = entry
            self.outputs = outputs
        }
    }
}

extension ArchiveExtractor.Wanted {
    func fail(_ fault: Fault, _ failed: ArchiveExtractor.Failed) {
        for output in outputs { failed(output, fault) }
    }
}
