import Codec
import Ledger
import Platform

extension ArchiveVerifier {
    /// Proves an archive by its structure, and the list of digests in it.
    func examineAlone(_ report: inout VerifyReport) throws(Fault) {
        let format = try ArchiveStream(source).format
        let digests = Handed(ArchiveDigests(partSize: .max))
        let passing = PassingSource(source) { digests.value.update($0) }
        let stream = try ArchiveStream(passing, format)
        report.format = format
        let tar = try TarReader(stream)
        var list = DigestListCheck(source.name)
        while let found = try tar.next() {
            try Shutdown.check()
            _ = try read(found, tar, &list, &report)
        }
        report.members = stream.members
        digests.value.finish()
        report.sha256 = digests.value.whole
        if list.hasList {
            try list.finish()
            report.proof = .digestList
        } else if !tar.isClosed {
            throw Fault(
                .damaged,
                "\(source.name): does not end with \(DigestText.name), as pack makes it, nor with two blocks of zeros, as tar does: it is cut off"
            )
        }
    }
}
