import Ledger
import Platform

extension AuditLine {
    /// A decision about something that is on its way out.
    init(
        _ action: Action, of departure: Departure, in vault: String, job: String, batch: String, at moment: Timestamp,
        why: [String]
    ) {
        self.init(action, job: job, stage: .ship, batch: batch, at: moment, why: why)
        self.vault = vault
        (object, bytes) = (departure.key, departure.size)
        (tenants, run) = (departure.tenants, departure.run)
        (created, storageClass) = (departure.created.rfc3339, departure.storageClass)
    }
}
