import Archive
import Codec
import Console
import Ledger
import Platform
import Vault

extension RestoreCommand {
    /// Writes the content of the one file that is wanted to stdout.
    func write(_ plan: RestorePlan, _ thawing: Thawing, _ vault: OpenVault, _ report: RestoreReport) throws
        -> Int32
    {
        var files: [(object: RestorePlan.Object, wanted: ArchiveExtractor.Wanted)] = []
        for object in plan.objects where files.count < 2 {
            try plan.content?.forEachBatch(of: object) { (batch: [ArchiveExtractor.Wanted]) throws(Fault) in
                files += batch.filter { $0.entry.kind == .file }.prefix(2).map { (object, $0) }
            }
        }
        guard files.count == 1, let (object, wanted) = files.first else {
            let what = files.isEmpty ? "only directories or links match" : "more than one matches"
            throw Fault(
                .usage, "--stdout takes one file, \(what)",
                hint: "Name one path of a file, as 'ship list \(options.job) --run \(date)' prints it.")
        }
        var look = try thawing.look(at: [object])
        let outline = RestoreOutline(plan, look, now: thawing.clock.now())
        if dryRun || thaw.status { return try tell(outline, report) }
        if let needed = outline.thaw { try thawing.ask(look, needed) }
        if thaw.request { return try tellRequest(plan, [object], thawing, report) }
        repeat { look = try thawing.look(at: [object]) } while try !look.canRead(object) && pause(thawing, look)
        guard look.canRead(object) else { throw waiting(thawing, look) }
        let source = try vault.store.open(try ObjectKey(object.key))
        let ahead = ReadAheadSource(source, ReadAheadSource.buffers(4), threads: 4)
        try ahead.fetch([wanted.range])
        defer { try? ahead.stop() }
        try ArchiveExtractor(ahead, codec: MemberCodec(ofName: object.key) ?? .gzip).content(of: wanted) {
            (bytes: UnsafeRawBufferPointer) throws(Fault) in
            try Output.write(bytes)
        }
        return report.isClean ? ExitStatus.done : ExitStatus.partial
    }
}
