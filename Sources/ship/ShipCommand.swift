import ArgumentParser
import Console
import Ledger
import Logging
import Platform
import Settings
import Staging
import Vault
import Warehouse

@main
struct ShipCommand: DoorCommand {
    static let configuration = CommandConfiguration(
        commandName: "ship",
        abstract: "Ship archives into vaults, prove them there, and commit the manifests.",
        discussion: """
            ship JOB copies what pack has made into every vault of the job, re-reads and compares it, and then commits \
            a manifest per host. Without --run it takes every run that is not shipped yet, oldest first. Nothing in a \
            vault is ever overwritten.

            Exit status: 0 done; 1 failed; 3 partial (some units failed); 64 usage; 75 try later; 78 settings; \
            128+n signal n.
            """,
        version: Version.tool,
        subcommands: verbs)

    static let stage = Stage.ship
    static let reach = VaultReach.buckets
    static let ownVerbs: [any ParsableCommand.Type] = [
        AuditCommand.self, HoldCommand.self, ListCommand.self, NotifyCommand.self, PruneCommand.self,
        RebuildCommand.self,
        ReportCommand.self, RestoreCommand.self, SetupCommand.self, SweepCommand.self, UndoCommand.self,
        VerifyCommand.self,
    ]

    static func lookAtBucket(_ common: CommonOptions) -> ((VaultSettings) throws(Fault) -> Void)? {
        { (settings: VaultSettings) throws(Fault) in
            guard case .bucket(let bucket) = settings.kind else { return }
            try OpenVault.bucketStore(bucket, log: common.logger()).checkWritable()
            if bucket.endpoint == nil { _ = try PriceFile.load(common.settings().prices) }
        }
    }

    @OptionGroup var options: RunOptions
    @OptionGroup var follow: FollowOptions
    @OptionGroup var common: CommonOptions

    func validate() throws {
        if follow.follow && options.dryRun { throw ValidationError("--dry-run excludes --follow") }
    }

    func run() throws {
        try Door.run {
            let context = try options.context(common)
            try context.directory.checkNotPaused(.ship)
            if let warehouse = context.job.warehouse {
                let stage = try DatabaseStage(context, warehouse, isDryRun: options.dryRun)
                if options.dryRun { return try stage.dryRun(common.output) }
                return try Door.finish(
                    try stage.run(follow.following(.pack, context)), common.output, nothing: "nothing to ship")
            }
            let stage = try ShipStage(context, isDryRun: options.dryRun)
            if options.dryRun { return try stage.dryRun(common.output) }
            return try Door.finish(
                try stage.run(follow.following(.pack, context)), common.output, nothing: "nothing to ship")
        }
    }
}
