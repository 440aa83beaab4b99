import ArgumentParser
import Console
import Ledger
import Platform
import Settings
import Staging

@main
struct PackCommand: DoorCommand {
    static let configuration = CommandConfiguration(
        commandName: "pack",
        abstract: "Pack collected trees into tar archives with an index.",
        discussion: """
            pack JOB groups what collect has put into staging by the job's 'archive' template and writes one \
            archive each, with its index and digests. Without --run it takes every run that is not packed yet, oldest first.

            Exit status: 0 done; 1 failed; 3 partial (some archives failed); 64 usage; 75 try later; 78 settings; \
            128+n signal n.
            """,
        version: Version.tool,
        subcommands: verbs)

    static let stage = Stage.pack
    static let ownVerbs: [any ParsableCommand.Type] = [
        ListCommand.self, VerifyCommand.self, ExtractCommand.self, StagingPruneCommand<Self>.self,
    ]

    @OptionGroup var options: RunOptions
    @OptionGroup var follow: FollowOptions
    @OptionGroup var common: CommonOptions

    func validate() throws {
        if follow.follow && options.dryRun { throw ValidationError("--dry-run excludes --follow") }
    }

    func run() throws {
        try Door.run {
            let context = try options.context(common)
            try context.directory.checkNotPaused(.pack)
            if let warehouse = context.job.warehouse {
                let stage = WarehousePack(context, warehouse)
                if options.dryRun { return try stage.dryRun(common.output) }
                return try Door.finish(
                    try stage.run(follow.following(.collect, context)), common.output, nothing: "nothing to pack")
            }
            let stage = PackStage(context)
            if options.dryRun { return try stage.dryRun(common.output) }
            return try Door.finish(
                try stage.run(follow.following(.collect, context)), common.output, nothing: "nothing to pack")
        }
    }
}
