import ArgumentParser
import Console
import Hosts
import Ledger
import Logging
import Platform
import Settings
import Staging
import Warehouse

@main
struct CollectCommand: DoorCommand {
    static let configuration = CommandConfiguration(
        commandName: "collect",
        abstract: "Collect finished trees from hosts into staging.",
        discussion: """
            collect JOB walks each host of the job, copies what is new or changed since the last verified run into \
            staging, and writes the list of all entries with their digests. A rerun skips the hosts that are done.

            Exit status: 0 done; 1 failed; 3 partial (some hosts failed or need eyes); 64 usage; 75 try later; \
            78 settings; 128+n signal n.
            """,
        version: Version.tool,
        subcommands: verbs)

    static let stage = Stage.collect
    static let reach = VaultReach.directories
    static let ownVerbs: [any ParsableCommand.Type] = [InitCommand.self, StagingPruneCommand<Self>.self]

    static var look: ((HostSettings, CivilDate) throws(Fault) -> Void)? {
        { (host: HostSettings, date: CivilDate) throws(Fault) in
            guard case .ssh(let ssh) = host.access else { return }
            guard try SFTPProbe(host.name, ssh).hasDirectory(host.sourcePath(date)) else {
                throw Fault(.notFound, "no such directory on the host")
            }
        }
    }

    @OptionGroup var options: RunOptions

    @Option(
        name: .long,
        help: ArgumentHelp("Wait so long for hosts that are not ready, for example '2 h'.", valueName: "duration"))
    var wait: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Read no more than this from all hosts together, for example '400 MiB/s'.", valueName: "rate"))
    var bandwidth: String?

    @Option(name: .long, help: "Draw progress: auto (on a terminal), always or never.")
    var progress: ProgressMode = .auto

    @Flag(name: .long, help: "Remove the run from staging if nothing was collected in it.") var discard = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if let wait, Period(wait) == nil {
            throw ValidationError("--wait '\(wait)': expected a period such as '30 min'")
        }
        if let bandwidth, ByteRate(bandwidth) == nil {
            throw ValidationError("--bandwidth '\(bandwidth)': expected a rate such as '400 MiB/s'")
        }
        guard discard else { return }
        if options.run == nil { throw ValidationError("--discard: name the run with --run DATE") }
        if !options.only.isEmpty || options.tenant != nil || options.force {
            throw ValidationError("--discard excludes --only, --tenant and --force")
        }
    }

    func run() throws {
        try Door.run {
            if options.tenant != nil && !options.dryRun {
                throw Fault(
                    .usage, "collect takes whole hosts, --tenant narrows only its --dry-run",
                    hint: "Use --only HOST; pack and ship take --tenant.")
            }
            let context = try options.context(common)
            try context.directory.checkNotPaused(.collect)
            if discard { return try discardRun(context) }
            if let warehouse = context.job.warehouse {
                return try collect(WarehouseCollection(context, warehouse, wait: wait.flatMap { Period($0) }))
            }
            let stage = CollectStage(
                context, bandwidth: bandwidth.flatMap { ByteRate($0) }, wait: wait.flatMap { Period($0) },
                progress: common.quiet && progress == .auto ? .never : progress)
            if options.dryRun { return try stage.dryRun(common.output, rows: common.verbose) }
            return try Door.finish(try stage.run(), common.output, nothing: "nothing to collect")
        }
    }

    private func collect(_ stage: WarehouseCollection) throws -> Int32 {
        if bandwidth != nil { throw Fault(.usage, "--bandwidth is for jobs of kind 'hosts'") }
        if options.dryRun { return try stage.dryRun(common.output) }
        return try Door.finish(try stage.run(), common.output, nothing: "nothing to collect")
    }

    private func discardRun(_ context: StageContext) throws -> Int32 {
        guard let date = context.request.run else { return ExitStatus.usage }
        let run = try EmptyRun(date, context)
        if !options.dryRun { try run.discard() }
        let word = options.dryRun ? "would be discarded" : "discarded"
        try common.output.result(["job": context.job.name, "run": date.description, "state": word]) {
            "\(context.job.name) \(date): \(word)"
        }
        return ExitStatus.done
    }
}
