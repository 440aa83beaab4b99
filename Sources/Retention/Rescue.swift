import Ledger
package import Logging
package import Platform
package import Staging
package import Vault

/// What a manifest is about to name is taken back if it was on its way out: carry was decided at night, and prune may have
/// come between.
///
/// Used under the lock of the ledger, just before the manifest is committed.
package struct Rescue {
    private let vault: OpenVault
    private let job: JobDirectory
    private var departures: Departures

    /// Reads what is on its way out of a vault.
    package init(_ vault: OpenVault, of job: JobDirectory) throws(Fault) {
        self.vault = vault
        self.job = job
        departures = try Departures(vault, of: job)
    }

    /// What takes back whatever a manifest is about to name, where prune was letting it go.
    package static func taking(of job: JobDirectory, log: Logger) -> (_ key: ObjectKey, _ vault: OpenVault)
        throws(Fault) -> Void
    {
        { (key: ObjectKey, vault: OpenVault) throws(Fault) in
            var rescue = try Rescue(vault, of: job)
            if try rescue.takeBack(key, why: "a manifest names it") {
                log.notice("\(key): was on its way out of \(vault.name), and is taken back")
            }
        }
    }

    /// Takes an archive or a manifest back.
    ///
    /// One that is only in quarantine stays there until the next prune finds that it is needed: nothing can happen to it
    /// before.
    ///
    /// - Returns: whether it had to be.
    /// - Throws: the fault of the vault.
    package mutating func takeBack(_ key: ObjectKey, why: String) throws(Fault) -> Bool {
        guard departures.mayBeMarked(key), let departure = departures[key.description] else { return false }
        let now = try vault.store.moment()
        var line = AuditLine(
            .release, job: job.name, stage: .ship, batch: RandomID.make(), at: now, why: [why])
        (line.vault, line.object, line.bytes) = (vault.name, departure.key, departure.size)
        (line.tenants, line.run) = (departure.tenants, departure.run)
        (line.created, line.storageClass) = (departure.created.rfc3339, departure.storageClass)
        let layout = VaultLayout(job: job.name)
        try AuditLog.put([line], batch: line.batch, at: now, layout, vault.store)
        try AuditLog(job, .ship).append([line])
        let releasing = Releasing(vault: vault, job: job, layout: layout)
        let result = try releasing.release([key.description], &departures, at: now)
        if let failure = result.failed.first {
            throw Fault(.io, "\(failure.object): is on its way out and can't be taken back: \(failure.why)")
        }
        return true
    }
}
