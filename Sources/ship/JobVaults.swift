import Console
import Ledger
import Logging
import Platform
import Settings
import Staging
import Vault

/// A vault that a stage works with.
protocol JobVault: Sendable {
    var name: String { get }
    /// Nothing where the kind of vault has none.
    var identity: String? { get }
}

extension OpenVault: JobVault {}

/// The vaults of a job as a stage finds them: those that it works with, and those that can't be opened now.
struct JobVaults<Vault: JobVault>: Sendable {
    let open: [Vault]
    /// They keep the others from nothing, but the ledger waits for them.
    let away: [AwayVault]

    /// Opens the vaults of a job.
    ///
    /// - Parameters:
    ///   - context: the job.
    ///   - isDryRun: true to leave the records of the runs alone.
    ///   - open: opens one of them.
    /// - Throws: what opening the vaults throws, when none can be opened; the runs that wait are recorded as failed.
    init(
        _ context: StageContext, isDryRun: Bool, _ open: (VaultSettings) throws(Fault) -> Vault
    ) throws(Fault) {
        var vaults: [Vault] = []
        var away: [AwayVault] = []
        for settings in context.job.vaults {
            do throws(Fault) { vaults.append(try open(settings)) } catch {
                if error.code == .interrupted { throw error }
                away.append(AwayVault(name: settings.name, fault: error.within("vault \(settings.name)")))
            }
        }
        self.open = vaults
        self.away = away
        guard vaults.isEmpty, let fault = AwayVault.joined(away) else { return }
        if !isDryRun { Self.recordFailure(fault, context) }
        throw fault
    }

    /// Lets status tell why the pending runs are not shipped.
    private static func recordFailure(_ fault: Fault, _ context: StageContext) {
        // Whatever hinders this, the fault itself is told on stderr.
        for run in (try? PendingRuns(context).after(.pack, for: .ship)) ?? [] {
            try? StageAttempt.recordFailure(
                fault, .ship, of: run, upstream: try run.stageRecord(.pack)?.attempt, context)
        }
    }

    /// The identities of the open vaults by their names.
    var identities: [String: String] {
        Dictionary(uniqueKeysWithValues: open.compactMap { vault in vault.identity.map { (vault.name, $0) } })
    }

    /// Logs what keeps vaults away, after a plan was printed; gives the exit status of the plan.
    func tellAway(_ context: StageContext) -> Int32 {
        for vault in away { context.log.tell(.error, "\(vault.fault)", hint: vault.fault.hint) }
        return away.isEmpty ? ExitStatus.done : ExitStatus.partial
    }
}
