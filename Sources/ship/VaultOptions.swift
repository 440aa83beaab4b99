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
        let settings = try common.settings(of: job).job
        let chosen = try Self.vaults(of: settings, named: vault)[0]
        return (settings, try OpenVault.forReading(chosen, log: common.logger()))
    }

    /// The vault of a job that has this name, or all of them; never none.
    static func vaults(of settings: JobSettings, named name: String?) throws(Fault) -> [VaultSettings] {
        let chosen = settings.vaults.filter { $0.name == name ?? $0.name }
        guard !chosen.isEmpty else {
            throw Fault(
                .usage, "job '\(settings.name)' has no vault '\(name ?? "")'",
                hint: "It has: \(settings.vaults.map(\.name).joined(separator: ", ")).")
        }
        return chosen
    }

    func selection(_ paths: [String]) -> EntrySelection {
        EntrySelection(job: job, host: host, tenant: tenant, paths: paths)
    }
}
