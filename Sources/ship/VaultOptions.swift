import ArgumentParser
import Console
import Platform
import Settings
import Vault

/// The options of commands that read a job's vault.
struct VaultOptions: ParsableArguments {
    @Argument(help: "The job.") var job: String

    @Option(name: .long, help: ArgumentHelp("Read this vault of the job; the first one by default.", valueName: "name"))
    var vault: String?

    @Option(name: .long, help: ArgumentHelp("Only tenants that match.", valueName: "glob")) var tenant: String?

    @Option(name: .long, help: ArgumentHelp("Only hosts that match.", valueName: "glob")) var host: String?

    /// Opens the vault; staging is not needed, so a new server can read.
    func open(_ common: CommonOptions) throws(Fault) -> (settings: JobSettings, vault: OpenVault) {
        let settings = try common.settings().job(job)
        try Clock.useTimeZone(settings.timezone)
        guard let chosen = settings.vaults.first(where: { $0.name == vault ?? $0.name }) else {
            throw Fault(
                .usage, "job '\(job)' has no vault '\(vault ?? "")'",
                hint: "It has: \(settings.vaults.map(\.name).joined(separator: ", ")).")
        }
        return (settings, try OpenVault.forReading(chosen, log: common.logger()))
    }

    func selection(_ paths: [String]) -> EntrySelection {
        EntrySelection(job: job, host: host, tenant: tenant, paths: paths)
    }
}
