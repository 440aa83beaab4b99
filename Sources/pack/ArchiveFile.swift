import Archive
import Ledger
import Platform

/// An archive on disk that the command line names, with the index beside it where there is one.
struct ArchiveFile {
    let source: FileSource
    let index: FileSource?

    /// - Throws: `unsupported` for the index or the digests of an archive; the system's fault.
    init(_ path: String) throws(Fault) {
        for (suffix, what) in [(ArchiveName.indexSuffix, "index"), (ArchiveName.digestSuffix, "list of digests")]
        where path.hasSuffix(suffix) {
            let archive = ArchiveName(String(path.dropLast(suffix.utf8.count))).archive
            throw Fault(.unsupported, "\(path): is the \(what) of an archive; name the archive itself, \(archive)")
        }
        source = try FileSource(try File.open(path))
        guard let base = ArchiveName.base(ofArchive: path) else {
            index = nil
            return
        }
        do { index = try FileSource(try File.open(ArchiveName(base).index)) } catch {
            guard error.code == .notFound else { throw error }
            index = nil
        }
    }

    /// Calls `body` with each entry: from the index alone where there is one, else from the archive read through.
    func forEachEntry(_ body: (Entry) throws -> Void) throws {
        if let index {
            let reader = try ArchiveIndexReader(index)
            while let row = try reader.next() { try body(row.entry) }
        } else {
            let tar = try ArchiveExtractor(source).tar()
            while let entry = try tar.next() { try body(entry) }
        }
    }
}
