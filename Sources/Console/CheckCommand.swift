import ArgumentParser
import Ledger
import Platform
import Settings
import Staging
import Vault
import Warehouse

/// `STAGE check [JOB]`: says what is missing before the night does.
struct CheckCommand<Door: DoorCommand>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "check", abstract: "Check settings, guards, sources, vaults and free space.",
            discussion: "Exits with 0 when everything is in order, 78 for wrong settings, 1 for anything else.")
    }

    @OptionGroup var common: CommonOptions

    @Argument(help: "Only this job.") var job: String?

    func run() throws {
        try Console.Door.run {
            let configuration = try common.settings()
            let jobs =
                try job.map { [try configuration.job($0)] }
                ?? configuration.jobNames().map { try configuration.job($0) }
            let report = CheckReport(
                configuration, jobs, look: Door.look, lookAtBucket: Door.lookAtBucket(common),
                looks: { looks($0, staging: configuration.staging) })
            try common.output.result(report) {
                report.items.map { "\($0.isGood ? "ok    " : "FAILED")  \($0.what)\($0.why.map { ": \($0)" } ?? "")" }
                    .joined(separator: "\n")
            }
            return report.items.allSatisfy(\.isGood) ? ExitStatus.done : ExitStatus.failed
        }
    }

    /// What lies outside of staging, as far as the door reaches.
    private func looks(_ job: JobSettings, staging: String) -> [(what: String, look: () throws(Fault) -> String?)] {
        if Door.reach == .nothing { return [] }
        let log = common.logger()
        var looks: [(what: String, look: () throws(Fault) -> String?)] = [
            (
                "ledger",
                { () throws(Fault) -> String? in
                    try LedgerCheck(job, staging: staging, log: log).look(looksAtBuckets: Door.reach == .buckets)
                    return nil
                }
            )
        ]
        if let warehouse = job.warehouse {
            looks += WarehouseCheck(warehouse, vaults: job.vaults, log: log).looks.map { look in
                (look.what, { () throws(Fault) -> String? in try look() })
            }
        }
        return looks
    }
}
