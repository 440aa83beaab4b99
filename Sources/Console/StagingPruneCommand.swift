package import ArgumentParser
import Ledger
import Logging
import Platform
import Retention
import Settings
import Staging

/// `STAGE prune JOB`: removes what the stage has laid on staging and every vault holds.
package struct StagingPruneCommand<Door: DoorCommand>: ParsableCommand {
    package static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "prune",
            abstract:
                "Remove \(Door.stage == .collect ? "the trees of hosts" : "archives") from staging that every vault holds.",
            discussion: """
                What every vault of the job holds, verified, for longer than 'keep_local' goes; records and lists stay. \
                Each vault is asked for each object before.
                """)
    }

    @OptionGroup var common: CommonOptions
    @OptionGroup var options: JobOptions
    @Flag(name: [.customShort("d"), .long], help: "Print what would go, and why, and change nothing.") var dryRun =
        false

    package init() {}

    package func run() throws {
        try Console.Door.run {
            let context = try options.context(common)
            try context.directory.checkNotPaused(Door.stage)
            let prune = try StagingPrune(Door.stage, context)
            let plan = try prune.plan()
            let failed = dryRun ? [] : try prune.carryOut(plan).failed
            try common.output.result(plan) { text(plan, context.job) }
            for failure in failed { context.log.error("\(failure.object): \(failure.why)") }
            return failed.isEmpty ? ExitStatus.done : ExitStatus.partial
        }
    }

    private func text(_ plan: [StagingPrune.Item], _ job: JobSettings) -> String {
        if job.retention.keepLocal == nil { return "nothing on staging is removed: the job has no 'keep_local'" }
        if plan.isEmpty { return "nothing to prune" }
        let unit = job.kind == .warehouse ? "DATABASE" : Door.stage == .collect ? "HOST" : "ARCHIVE"
        var table = TextTable(["RUN", unit, "SIZE", "", "WHY"], right: [2])
        for item in plan {
            let goes = dryRun ? "would go" : "went"
            table.add([
                item.run, item.unit, Figures.bytes(item.bytes), item.decision == .keep ? "stays" : goes, item.why,
            ])
        }
        return table.text
    }
}
