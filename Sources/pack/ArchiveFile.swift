import Archive
import Codec
import Ledger
import Platform

/// An archive on disk that the command line names, with the index beside it where there is one.
struct ArchiveFile {
    let source: FileSource
    /// Nothing beside the archive of another program.
    let index: FileSource?
    let codec: MemberCodec

    /// - Throws: `usage` for what stands beside an archive, naming the one to give; the system's fault when it can't be
    ///   read.
    init(_ path: String) throws(Fault) {
        for (suffix, what) in [(ArchiveName.indexSuffix, "an index"), (ArchiveName.digestSuffix, "a list of digests")]
        where path.hasSuffix(suffix) {
            let base = String(path.dropLast(suffix.utf8.count))
            let archives = MemberCodec.allCases.map { ArchiveName(base, $0).archive }
            let there = archives.first { (try? File.open($0)) != nil }
            throw Fault(.usage, "\(path): is \(what), no archive\(there.map { "; give \($0)" } ?? "")")
        }
        source = try FileSource(try File.open(path))
        guard let name = ArchiveName(ofArchive: path) else {
            (index, codec) = (nil, .gzip)
            return
        }
        codec = name.codec
        do { index = try FileSource(try File.open(name.index)) } catch {
            guard error.code == .notFound else { throw error }
            index = nil
        }
    }

    /// A fault of reading, with advice where it is the index that is damaged: the archive itself may be sound.
    func explaining(_ fault: Fault) -> Fault {
        guard fault.code == .damaged, let index else { return fault }
        do throws(Fault) {
            let reader = try ArchiveIndexReader(index)
            while try reader.next() != nil { try Shutdown.check() }
            return fault
        } catch {
            guard error.code == .damaged else { return fault }
            let named = error.description.hasPrefix(index.name) ? error : error.within(index.name)
            return named.hinting(
                "The index is damaged; move it away, and the archive is read from front to back without it.")
        }
    }

    /// Calls `body` with each entry: from the index alone where there is one, else from the archive read through.
    ///
    /// `warn` is told what of an entry can't be what the archive says.
    func forEachEntry(warn: @escaping (String) -> Void, _ body: (Entry) throws -> Void) throws {
        if let index {
            do {
                let reader = try ArchiveIndexReader(index)
                while let row = try reader.next() { try body(row.entry) }
            } catch let fault as Fault { throw explaining(fault) }
        } else {
            let tar = try ArchiveExtractor(source, codec: codec).tar(warn: warn)
            while let entry = try tar.next() { try body(entry) }
            if !tar.isClosed { warn(tar.unclosed) }
        }
    }
}
