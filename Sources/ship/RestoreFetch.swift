import Archive
import Codec
import Console
import Ledger
import Platform
import Vault

/// Takes the entries of a plan out of their archives: several archives at once, each by few large requests.
struct RestoreFetch: Sendable {
    let store: any ObjectStore
    let entries: RestoreEntries
    let target: RestoreTarget
    let report: RestoreReport
    /// Threads that inflate one archive of which much is wanted.
    let workers: Int

    /// Archives read at once: of most of them a small piece is wanted, and all of it is waiting for answers.
    private static let atOnce = 8
    /// Requests for pieces under way, and pieces in memory, of all archives together.
    private static let requests = 8
    /// From so many compressed bytes on, an archive's index is worth reading, so that several threads can inflate it.
    private static let muchWanted: Int64 = 64 << 20

    /// Makes directories and links, which come from the manifests alone.
    func makeOthers(of objects: [RestorePlan.Object]) throws(Fault) {
        for object in objects {
            try entries.forEachBatch(of: object) { (batch: [ArchiveExtractor.Wanted]) throws(Fault) in
                let others = batch.filter { $0.entry.kind != .file }
                if others.isEmpty { return }
                try ArchiveExtractor(BytesSource([], name: object.key)).extract(others, to: target) {
                    report.failed($0, $1)
                }
            }
        }
    }

    /// The archives that have to be read: those of which not every file is there already.
    ///
    /// It comes before anything is asked for: a thaw costs money, and what is there needs none.
    func lacking(_ objects: [RestorePlan.Object]) throws(Fault) -> [RestorePlan.Object] {
        let lacking = Monitor<Set<String>>([])
        try ThreadCrew.each(objects.filter(\.isRead), atOnce: Self.atOnce, "look") { object throws(Fault) in
            if try !isThere(object) { lacking.with { _ = $0.insert(object.key) } }
        }
        let keys = lacking.with { $0 }
        return objects.filter { keys.contains($0.key) }
    }

    /// Whether all files of an archive are there; they are counted then, and what has their names besides is told.
    private func isThere(_ object: RestorePlan.Object) throws(Fault) -> Bool {
        var (files, bytes): (Int64, Int64) = (0, 0)
        var refused: [(name: ByteString, fault: Fault)] = []
        var isWhole = true
        try entries.forEachBatch(of: object) { (batch: [ArchiveExtractor.Wanted]) throws(Fault) in
            for item in batch where isWhole && item.entry.kind == .file {
                try Shutdown.check()
                for output in item.outputs where isWhole {
                    do throws(Fault) {
                        guard let digest = item.sha256,
                            try target.hasFile(output, size: item.entry.size, expected: digest)
                        else {
                            isWhole = false
                            continue
                        }
                        files += 1
                        bytes += item.entry.size
                    } catch {
                        if error.code == .interrupted { throw error }
                        refused.append((output, error))
                    }
                }
            }
        }
        guard isWhole else { return false }
        target.keep(files: files, bytes: bytes)
        for (name, fault) in refused { report.failed(name, fault) }
        return true
    }

    /// Restores the files that lie in some archives.
    ///
    /// - Throws: `interrupted` after a signal; `noSpace`; everything else is told entry by entry.
    func fetch(_ objects: [RestorePlan.Object], _ progress: Progress) throws(Fault) {
        let buffers = ReadAheadSource.buffers(Self.requests)
        try ThreadCrew.each(objects, atOnce: Self.atOnce, "restore") { object throws(Fault) in
            let unit = progress.begin(object.key, expected: object.bytes, entries: Counter(), bytes: Counter())
            defer { progress.end(unit) }
            try fetch(object, buffers, unit)
        }
    }

    private func fetch(_ object: RestorePlan.Object, _ buffers: ReadAheadSource.Buffers, _ unit: Progress.Unit)
        throws(Fault)
    {
        let codec = MemberCodec(ofName: object.key) ?? .gzip
        // Opened when the first file is missing: a restore that is run again asks for nothing that is there.
        var opened: (source: ReadAheadSource, extractor: ArchiveExtractor)?
        try entries.forEachBatch(of: object) { (batch: [ArchiveExtractor.Wanted]) throws(Fault) in
            var missing: [ArchiveExtractor.Wanted] = []
            for item in batch where item.entry.kind == .file {
                try Shutdown.check()
                if let rest = try rest(of: item) { missing.append(rest) }
            }
            if missing.isEmpty { return }
            if opened == nil {
                let source = ReadAheadSource(
                    CountedSource(try open(object.key), unit.bytes), buffers, threads: Self.requests)
                opened = (source, try extractor(source, object, codec))
            }
            guard let (source, extractor) = opened else { return }
            try source.fetch(missing.map(\.range))
            do throws(Fault) {
                try extractor.extract(missing, to: target) { name, fault in
                    // A copy that was there has run out since.
                    if fault.code == .tryLater { report.waits(1) } else { report.failed(name, fault) }
                }
            } catch {
                try? source.stop()
                throw error
            }
            try? source.stop()
            unit.entries.add(Int64(missing.count))
        }
    }

    private func open(_ key: String) throws(Fault) -> any RangedSource {
        do throws(Fault) { return try store.open(try ObjectKey(key)) } catch {
            if error.code == .interrupted { throw error }
            return UnreadableObject(key, error)
        }
    }

    private func extractor(_ source: ReadAheadSource, _ object: RestorePlan.Object, _ codec: MemberCodec) throws(Fault)
        -> ArchiveExtractor
    {
        guard object.bytes >= Self.muchWanted, workers > 1, let name = ArchiveName(ofArchive: object.key) else {
            return ArchiveExtractor(source, codec: codec)
        }
        let index = try open(name.index)
        return ArchiveExtractor(source, codec: codec, index: index, workers: workers)
    }

    /// What is left to restore of a file; nothing when it is there under all its names, or can't come there.
    private func rest(of item: ArchiveExtractor.Wanted) throws(Fault) -> ArchiveExtractor.Wanted? {
        guard let digest = item.sha256 else { return item }
        var rest = item
        rest.outputs = []
        var holder: ByteString?
        for output in item.outputs {
            do throws(Fault) {
                if try target.keepFile(output, size: item.entry.size, expected: digest) {
                    holder = holder ?? output
                } else {
                    rest.outputs.append(output)
                }
            } catch {
                if error.code == .interrupted { throw error }
                report.failed(output, error)
            }
        }
        guard let holder else { return rest.outputs.isEmpty ? nil : rest }
        for output in rest.outputs {
            do throws(Fault) {
                try target.makeHardLink(output, to: holder, size: item.entry.size, expected: digest)
            } catch {
                if error.code == .interrupted || error.code == .noSpace { throw error }
                report.failed(output, error)
            }
        }
        return nil
    }
}
