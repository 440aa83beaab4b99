import ArgumentParser
import Console
import Ledger
import Logging
import Platform
import Retention
import Settings
import Staging

/// `pack prune JOB`: removes archives from staging that every vault holds.
struct PruneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove archives from staging that every vault holds.",
        discussion: """
            What every vault of the job holds, verified, for longer than 'keep_local' goes; records and lists stay. Each \
            vault is asked for each object before.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var options: JobOptions
    @Flag(name: [.customShort("d"), .long], help: "Print what would go, and why, and change nothing.") var dryRun =
        false

    func run() throws {
        try Door.run {
            let context = try options.context(common)
            try context.directory.checkNotPaused(.pack)
            let prune = try StagingPrune(.pack, context)
            let plan = try prune.plan()
            var failed: [VaultPrune.Failure] = []
            if !dryRun { failed = try prune.carryOut(plan).failed }
            try common.output.result(plan) {
                if context.job.retention.keepLocal == nil {
                    return "nothing on staging is removed: the job has no 'keep_local'"
                }
                var table = TextTable(
                    ["RUN", context.job.kind == .hosts ? "ARCHIVE" : "DATABASE", "SIZE", "", "WHY"], right: [2])
                for item in plan {
                    let goes = dryRun ? "would go" : "went"
                    table.add([
                        item.run, item.unit, Figures.bytes(item.bytes), item.decision == .keep ? "stays" : goes,
                        item.why,
                    ])
                }
                return plan.isEmpty ? "nothing to prune" : table.text
            }
            for failure in failed { context.log.error("\(failure.object): \(failure.why)") }
            return failed.isEmpty ? ExitStatus.done : ExitStatus.partial
        }
    }
}
