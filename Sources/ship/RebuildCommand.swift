import ArgumentParser
import Console
import Ledger
import Logging
import Platform
import Settings
import Staging
import Vault

/// `ship rebuild JOB`: makes the ledger on staging anew from the vault.
struct RebuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild", abstract: "Make the ledger anew from the vault.",
        discussion: """
            Copies the manifests of every host and run that all vaults of the job have, and what else lies in the ledger \
            of the vaults, to staging, as on a new server. Each manifest is proved by its digest and read to its end, \
            and the archives that it names are looked for: those that the vault has lost are told, and what they held is \
            collected again. Legal holds, and what prune was letting go, come back by what each batch has told the \
            vaults, compared with the vault's own marks. What the ledger has already is kept.
            """)

    @OptionGroup var common: CommonOptions
    @Argument(help: "The job.") var job: String
    @Option(
        name: .long,
        help: ArgumentHelp("From this vault alone, whatever the others of the job have.", valueName: "name"))
    var vault: String?
    @Flag(name: [.customShort("d"), .long], help: "Print what would be copied, and copy nothing.") var dryRun = false
    @Flag(name: .long, help: "Take over a lock that another server holds.") var breakLock = false

    func run() throws {
        try Door.run {
            let (configuration, settings) = try common.settings(of: job)
            let log = common.logger()
            let staging = try StagingArea.open(configuration)
            var vaults: [OpenVault] = []
            for chosen in try VaultOptions.vaults(of: settings, named: vault) {
                vaults.append(try OpenVault.forReading(chosen, log: log))
            }
            let directory = try staging.job(settings.name)
            let lock = try directory.lockLedger(breaking: breakLock)
            defer { withExtendedLifetime(lock) {} }
            let rebuild = LedgerRebuild(
                vaults: vaults, layout: VaultLayout(job: settings.name), job: directory,
                ledger: try directory.ledger(), scratch: staging.scratch, clock: .system, isDryRun: dryRun,
                isWarehouse: settings.kind == .warehouse)
            let result = try rebuild.run()
            for remark in result.remarks { log.notice("\(remark)") }
            for problem in result.problems { log.error("\(problem)") }
            for key in result.lost { log.warning("'\(key)' is lost: what it held is collected again") }
            try common.output.result(result) { result.text(isDryRun: dryRun) }
            return result.problems.isEmpty ? ExitStatus.done : ExitStatus.partial
        }
    }
}
