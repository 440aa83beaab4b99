import Ledger
package import Logging
package import Platform
package import Settings

/// Whether the ledger of a job on staging knows of what the vaults hold: on a server that is new, or whose staging was
/// lost, all would be collected and shipped once more.
package struct LedgerCheck {
    private let job: JobSettings
    private let staging: String
    private let log: Logger

    /// - Parameters:
    ///   - job: the job; all of its vaults are looked at.
    ///   - staging: the path of the staging directory.
    ///   - log: told what is sent.
    package init(_ job: JobSettings, staging: String, log: Logger) {
        self.job = job
        self.staging = staging
        self.log = log
    }

    /// - Parameter looksAtBuckets: false to pass over vaults in buckets.
    /// - Throws: `incomplete` when the ledger is empty and a vault has manifests of the job; the system's fault when the ledger
    ///   can't be read. A vault that can't be read is told elsewhere.
    package func look(looksAtBuckets: Bool) throws(Fault) {
        guard try isEmpty() else { return }
        for settings in job.vaults {
            if case .bucket = settings.kind, !looksAtBuckets { continue }
            let runs: Int
            do throws(Fault) {
                let vault = try OpenVault.forReading(settings, log: log)
                runs = try VaultLayout(job: job.name).manifests(in: vault.store).count
            } catch {
                if error.code == .interrupted { throw error }
                continue
            }
            guard runs == 0 else {
                throw Fault(
                    .incomplete,
                    "is empty on staging, though vault \(settings.name) has \(runs) \(runs == 1 ? "run" : "runs")",
                    hint: "Run 'ship rebuild \(job.name)' before the next collect, which would take all of it anew.")
            }
        }
    }

    private func isEmpty() throws(Fault) -> Bool {
        do throws(Fault) {
            return try LedgerDirectory(try Directory.open("\(staging)/\(job.name)/ledger")).runs().isEmpty
        } catch {
            if error.code == .notFound { return true }
            throw error
        }
    }
}
