import Console
import Logging
import Platform
import Retention
import Settings
import Staging
import Vault

/// All that is on its way out of the vaults of a job: printed as it is read, since two months of archives may be on their
/// way.
struct UndoListing {
    private let context: StageContext
    private let chosen: [VaultSettings]

    init(_ context: StageContext, vault: String?) throws(Fault) {
        self.context = context
        chosen = try VaultOptions.vaults(of: context.job, named: vault)
    }

    /// Prints them.
    ///
    /// - Returns: the exit status: `partial` where a vault is away.
    /// - Throws: the fault of a vault that is away when nothing can be told of another one.
    func print(_ output: Output) throws(Fault) -> Int32 {
        var vaults: [OpenVault] = []
        var faults: [Fault] = []
        var columns = TextColumns(UndoLine.heading, right: UndoLine.right)
        var count = 0
        for settings in chosen {
            // A vault that is away hides nothing of the others.
            do throws(Fault) {
                let vault = try OpenVault.forWriting(settings, state: context.staging.state, log: context.log)
                let departures = try Departures(vault, of: context.directory)
                if !output.isJSON { for departure in departures { columns.fit(Self.cells(departure, vault)) } }
                count += departures.count
                vaults.append(vault)
            } catch {
                if error.code == .interrupted { throw error }
                faults.append(error.within("vault \(settings.name)"))
            }
        }
        if let fault = faults.first, count == 0 {
            for fault in faults.dropFirst() { context.log.tell(.error, "\(fault)", hint: fault.hint) }
            throw fault
        }
        for fault in faults { context.log.tell(.error, "\(fault)", hint: fault.hint) }
        var out = ResultStream()
        if !output.isJSON { try out.line((count == 0 ? UndoLine.nothing : columns.line(columns.heading)).utf8) }
        for vault in vaults {
            for departure in try Departures(vault, of: context.directory) {
                try Shutdown.check()
                if output.isJSON {
                    try out.element(UndoLine(departure, vault.name))
                } else {
                    try out.line(columns.line(Self.cells(departure, vault)).utf8)
                }
            }
        }
        if output.isJSON { try out.endArray() } else { try out.flush() }
        return faults.isEmpty ? ExitStatus.done : ExitStatus.partial
    }

    private static func cells(_ departure: Departure, _ vault: OpenVault) -> [String] {
        UndoLine(departure, vault.name).cells + [""]
    }
}
