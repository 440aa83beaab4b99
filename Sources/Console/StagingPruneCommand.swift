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
            var plan = try prune.plan()
            var failed: [VaultPrune.Failure] = []
            if !dryRun {
                let outcome = try prune.carryOut(plan)
                failed = outcome.failed
                for item in outcome.stayed {
                    for index in plan.indices where plan[index].run == item.run && plan[index].unit == item.unit {
                        plan[index] = item
                    }
                }
            }
            let result = plan
            try common.output.result(result) { text(result, context.job) }
            for failure in failed { context.log.error("\(failure.object): \(failure.why)") }
            return failed.isEmpty ? ExitStatus.done : ExitStatus.partial
        }
    }

    private func text(_ plan: [StagingPrune.Item], _ job: JobSettings) -> String {
        if job.retention.keepLocal == nil { return "nothing on staging is removed: the job has no 'keep_local'" }
        if plan.isEmpty { return "nothing to prune" }
        let unit = job.kind == .warehouse ? "DATABASE" : Door.stage == .collect ? "HOST" : "ARCHIVE"
        var table = TextTable(["RUN", unit, "SIZE", "", "WHY"], right: [2])
        let goes = dryRun ? "would go" : "went"
        // What stays is the same every day: it is told to whoever asks.
        for item in plan where dryRun || item.decision != .keep {
            table.add([
                item.run, item.unit, Figures.bytes(item.bytes), item.decision == .keep ? "stays" : goes, item.why,
            ])
        }
        let going = plan.filter { $0.decision != .keep }
        let staying = plan.filter { $0.decision == .keep }
        let sum = "\(Self.sum(going)) \(goes), \(Self.sum(staying)) \(staying.count == 1 ? "stays" : "stay")"
        return dryRun || !going.isEmpty ? table.text + "\n" + sum : sum
    }

    /// `3 (1.2 GiB)`.
    private static func sum(_ items: [StagingPrune.Item]) -> String {
        "\(items.count)" + (items.isEmpty ? "" : " (\(Figures.bytes(items.reduce(0) { $0 + $1.bytes })))")
    }
}
