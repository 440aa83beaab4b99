import Archive
import ArgumentParser
import Codec
import Console
import Glibc
import Ledger
import Logging
import Platform
import Settings
import Vault
import Warehouse

/// `ship restore JOB --run DATE [GLOB...] --to DIR | --stdout`.
struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Restore a run, a tenant, or some paths.",
        discussion: """
            Reads the manifests of the run in the vault and fetches only the members that hold what is wanted, from \
            the archives of this run and of the earlier ones that it carries entries from. Every file is checked \
            against its digest. What can't be restored is named, and all else comes back. Running it again goes on \
            where it stopped: what is there with the same content is kept, and not fetched again. What lies in an \
            archive class is thawed first: what that costs is told, the store is asked, and the exit status is 75 until \
            everything can be read; then the same command fetches it.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var options: VaultOptions
    @OptionGroup var thaw: ThawOptions
    @Argument(help: "Only these paths or globs, as ship list prints them; a directory brings all below it.")
    var paths: [String] = []
    @Option(name: .customLong("run"), help: ArgumentHelp("The run to restore.", valueName: "date")) var date: String
    @Option(
        name: .long, help: ArgumentHelp("Where to put it; made where it is missing.", valueName: "dir"),
        completion: .directory)
    var to: String?
    @Flag(name: .long, help: "Write the content of the one file that matches to stdout.") var stdout = false
    @Flag(name: .long, help: "Replace files that are there already.") var force = false
    @Flag(name: .shortAndLong, help: "Print what would be thawed and fetched, and do neither.") var dryRun = false
    @Option(name: .long, help: ArgumentHelp("Draw progress: auto (on a terminal), always or never.", valueName: "mode"))
    var progress: ProgressMode = .auto
    @Flag(
        name: .long,
        help: "Tell for each Delta table of a warehouse which version the run holds as a whole, and restore nothing.")
    var checkDelta = false

    func validate() throws {
        guard CivilDate(date) != nil else {
            throw ValidationError("--run '\(date)': expected a date such as 2026-11-20")
        }
        if to != nil && stdout { throw ValidationError("--stdout excludes --to") }
        let isFetching = !dryRun && !checkDelta && !thaw.request && !thaw.status
        if isFetching && to == nil && !stdout { throw ValidationError("give either --to DIR or --stdout") }
    }

    func run() throws {
        try Door.run {
            let configuration = try common.settings()
            let (settings, vault) = try options.open(common)
            if let warehouse = settings.warehouse { return try restore(warehouse, settings, vault) }
            if checkDelta { throw Fault(.usage, "--check-delta is for jobs of kind 'warehouse'") }
            let report = RestoreReport(common)
            let plan = try plan(settings, vault, report)
            for (name, fault) in plan.lost { report.failed(name, fault) }
            let thawing = try Thawing(
                try VaultOptions.vaults(of: settings, named: options.vault)[0], vault, thaw, configuration,
                log: common.logger())
            if stdout { return try write(plan, thawing, vault, report) }

            let fetch = try fetch(plan, vault, report, workers: configuration.workers)
            // What is there already needs no thaw.
            let needed = try fetch?.lacking(plan.objects) ?? plan.objects.filter(\.isRead)
            let look = try thawing.look(at: needed)
            let outline = RestoreOutline(plan, look, now: thawing.clock.now())
            if dryRun || thaw.status { return try tell(outline, report) }
            for what in plan.notKept { common.logger().warning("not kept when the run was collected: \(what)") }
            if let thaw = outline.thaw { try thawing.ask(look, thaw) }
            guard let to, let fetch, !thaw.request else { return try tellRequest(plan, needed, thawing, report) }
            try fetch.makeOthers(of: plan.objects)
            // A store may have the copies at once.
            let first = outline.thaw == nil ? look : try thawing.look(at: needed)
            return try restore(needed, first, thawing, fetch, to)
        }
    }

    /// Prints what was looked at, and gives the exit status.
    func tell(_ outline: RestoreOutline, _ report: RestoreReport) throws(Fault) -> Int32 {
        try common.output.result(outline) { outline.text }
        if thaw.status, outline.thaw != nil { return ExitStatus.tryLater }
        return outline.status(isClean: report.isClean)
    }

    /// Prints how things stand once it was asked for, and gives the exit status.
    func tellRequest(
        _ plan: RestorePlan, _ needed: [RestorePlan.Object], _ thawing: Thawing, _ report: RestoreReport
    ) throws(Fault) -> Int32 {
        let now = RestoreOutline(plan, try thawing.look(at: needed), now: thawing.clock.now())
        try common.output.result(now) { now.isReadable ? now.thaw?.text ?? "all can be read" : now.text }
        return now.thaw == nil ? now.status(isClean: report.isClean) : ExitStatus.tryLater
    }

    private func restore(_ warehouse: WarehouseSettings, _ settings: JobSettings, _ vault: OpenVault) throws -> Int32 {
        guard let run = CivilDate(date), let chosen = settings.vaults.first(where: { $0.name == vault.name }) else {
            throw Fault(.usage, "--run '\(date)': expected a date such as 2026-11-20")
        }
        if stdout {
            throw Fault(.usage, "--stdout is for jobs of kind 'hosts'", hint: "Give --to s3://BUCKET/PREFIX.")
        }
        let bucket = try BucketVault(chosen, vault)
        var target: RestorePass.Target?
        if let to {
            let place = try RestorePlace(to, source: warehouse.source.bucket)
            let client =
                place.bucket == warehouse.source.bucket
                ? bucket.source(warehouse.source) : bucket.places.client(ofBucket: place.bucket)
            target = RestorePass.Target(
                name: to, client: client, prefix: place.prefix, isReplacing: force)
        }
        let restore = DatabaseRestore(
            warehouse: warehouse, vault: bucket, layout: VaultLayout(job: settings.name), run: run,
            selection: options.selection(paths), common: common,
            thawing: try Thawing(chosen, vault, thaw, try common.settings(), log: common.logger()), options: thaw,
            target: target)
        if checkDelta { return try restore.checkDelta() }
        return dryRun ? try restore.dryRun() : try restore.restore()
    }

    /// What brings files to where they are wanted, or are already; nothing where that is not told or not there.
    private func fetch(_ plan: RestorePlan, _ vault: OpenVault, _ report: RestoreReport, workers: Int) throws(Fault)
        -> RestoreFetch?
    {
        guard let to, let entries = plan.content else { return nil }
        let directory: Directory
        do throws(Fault) { directory = try Directory.open(to) } catch {
            if error.code == .notFound { return nil }
            throw error
        }
        return RestoreFetch(
            store: vault.store, entries: entries, target: RestoreTarget(directory, overwrites: force), report: report,
            workers: workers)
    }

    private func plan(_ settings: JobSettings, _ vault: OpenVault, _ report: RestoreReport) throws(Fault) -> RestorePlan
    {
        let layout = VaultLayout(job: settings.name)
        guard let run = CivilDate(date), let found = try layout.manifests(in: vault.store, run: run).first else {
            throw Fault(
                .notFound, "\(vault.store.description): has no manifest of job '\(settings.name)' for run \(date)",
                hint: "'ship list \(settings.name) --runs' shows the runs; is the vault mounted?")
        }
        let selection = options.selection(paths)
        // A directory that has to be made is one as mkdir(1) makes it.
        let isWriting = !dryRun && !thaw.status && !thaw.request
        let scratch =
            if let to, isWriting { try Directory.create(to, mode: 0o777) } else { try Directory.open(Self.scratch) }
        var plan = try RestorePlan(scratch: scratch)
        for (host, number) in found.units.sorted(by: { $0.key < $1.key }) where selection.selects(host: host) {
            let key = try layout.manifest(run: run, unit: host, number: number)
            do throws(Fault) {
                try plan.add(
                    host, { () throws(Fault) -> ManifestReader in try ManifestReader(try vault.store.open(key)) },
                    tenant: selection.mayBeOfTenant, selects: selection.selects)
            } catch {
                guard error.code != .interrupted, error.code != .noSpace else { throw error }
                // One damaged manifest must not keep the other hosts from coming back.
                report.lost("host \(host)", error)
            }
        }
        try plan.finish()
        if options.host == nil {
            for host in settings.hosts where found.units[host.name] == nil {
                common.logger().warning(
                    "\(host.name): has no manifest in run \(run): it was not collected then, or the manifest is gone, which 'ship verify \(settings.name)' tells"
                )
            }
        }
        // What was not found may stand in a manifest that could not be read.
        if report.isClean {
            try selection.checkAllMatched(in: "run \(run) of job '\(settings.name)'", run: date)
            if plan.entries == 0, plan.lost.isEmpty, let first = plan.notKept.first {
                let more = plan.notKept.count > 1 ? ", and \(plan.notKept.count - 1) more" : ""
                throw Fault(.notFound, "nothing of it was kept when run \(run) was collected: \(first)\(more)")
            }
        }
        return plan
    }

    /// Where a file without a name has room when no directory is given.
    static var scratch: String { getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp" }

    // MARK: Into a directory

    private func restore(
        _ needed: [RestorePlan.Object], _ first: ThawLook, _ thawing: Thawing, _ fetch: RestoreFetch, _ to: String
    ) throws -> Int32 {
        var (left, look) = (needed, first)
        let progress = try Progress("restore \(options.job) \(date)", total: needed.count, progress)
        defer { progress.finish() }
        while true {
            // What can be read is fetched at once: its copy will not stay.
            try fetch.fetch(left.filter(look.canRead), progress)
            left.removeAll(where: look.canRead)
            guard !left.isEmpty, try pause(thawing, look) else { break }
            look = try thawing.look(at: left)
        }
        let (target, report) = (fetch.target, fetch.report)
        progress.finish()
        report.waits(left.reduce(0) { $0 + $1.entries })
        try target.finish(isComplete: report.waiting == 0)
        let status = try report.finish(to: to, restored: target.restored, kept: target.kept, bytes: target.bytes)
        if !left.isEmpty { throw waiting(thawing, look) }
        return status
    }

    /// Waits before the next look, where that was asked for.
    ///
    /// - Returns: false when there is nothing to wait for.
    /// - Throws: `interrupted` after a signal.
    func pause(_ thawing: Thawing, _ look: ThawLook) throws(Fault) -> Bool {
        guard thaw.wait, look.plan.waiting.contains(where: { $0.readability == .thawing }),
            let seconds = Period(thaw.poll)?.seconds
        else { return false }
        common.logger().info("\(waiting(thawing, look).message)")
        Clock.pause(Double(seconds))
        try Shutdown.check()
        return true
    }

    func waiting(_ thawing: Thawing, _ look: ThawLook) -> Fault {
        let objects = Figures.count(Int64(look.plan.waiting.count), "object waits", "objects wait")
        let readable = look.plan.readable(now: thawing.clock.now())
        let by = readable.map { ", which is over by \($0.local) at the latest" } ?? ""
        return Fault(
            .tryLater, "\(objects) for a thaw\(by)",
            hint: "Run the same command again then: it goes on where it stopped. With --wait it waits itself.")
    }
}
