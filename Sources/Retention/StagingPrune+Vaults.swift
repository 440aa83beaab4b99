package import Ledger
package import Platform
import Settings
package import Staging
import Vault

extension StagingPrune {
    /// Opens all vaults of a job: where one is away, nobody knows what it holds.
    ///
    /// - Throws: what opening a vault throws.
    package init(_ stage: Stage, _ context: StageContext) throws(Fault) {
        var vaults: [OpenVault] = []
        for vault in context.job.vaults {
            do throws(Fault) {
                vaults.append(try .forWriting(vault, state: context.staging.state, log: context.log))
            } catch { throw error.within("vault \(vault.name)") }
        }
        self.init(
            stage, of: context.directory, context.job.retention, vaults: vaults, warehouse: context.job.warehouse,
            clock: context.clock, log: context.log)
    }
}
