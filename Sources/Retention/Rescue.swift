import Codec
package import Ledger
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
    /// What may be marked, or is not there any more.
    private var marked: Set<KeyDigest>

    /// Reads what is on its way out of a vault.
    package init(_ vault: OpenVault, of job: JobDirectory) throws(Fault) {
        self.vault = vault
        self.job = job
        marked = try Departures.marked(vault, of: job)
    }

    /// What takes back whatever a manifest is about to name, where prune was letting it go; used under one lock.
    package static func taking(of job: JobDirectory, log: Logger)
        -> @Sendable (_ key: ObjectKey, _ vault: OpenVault) throws(Fault) -> Void
    {
        // By the names of the vaults: what is on its way out is read once.
        let rescues = Monitor<[String: Rescue]>([:])
        return { (key: ObjectKey, vault: OpenVault) throws(Fault) in
            try rescues.with { (rescues: inout [String: Rescue]) throws(Fault) in
                var rescue: Rescue
                if let known = rescues[vault.name] { rescue = known } else { rescue = try Rescue(vault, of: job) }
                if try rescue.takeBack(key, why: "a manifest names it") {
                    log.notice("\(key): was on its way out of \(vault.name), and is taken back")
                }
                rescues[vault.name] = rescue
            }
        }
    }

    /// Takes back whatever a database's manifest names.
    ///
    /// - Parameters:
    ///   - reader: of the manifest.
    ///   - why: for the audit log.
    /// - Returns: how many objects, or buckets, were taken back.
    /// - Throws: the fault of the vault; `damaged` for an object that is gone for good: the manifest must not name it.
    package mutating func takeBack(namedBy reader: ManifestReader, why: String) throws(Fault) -> Int {
        guard !self.marked.isEmpty else { return 0 }
        var departures = try Departures(vault, of: job)
        var marked: [String: Departure] = [:]
        for departure in departures
        where departure.state != .quarantined && (departure.kind == .object || departure.kind == .snapshot) {
            marked[departure.key] = departure
        }
        guard !marked.isEmpty else { return 0 }
        var found: Set<String> = []
        while let row = try reader.next() {
            guard !row.object.isEmpty else { continue }
            for name in Departure.names(for: row.object) where marked[name] != nil { found.insert(name) }
        }
        guard !found.isEmpty else { return 0 }
        let now = try vault.store.moment()
        let batch = RandomID.make()
        let lines = found.sorted().compactMap { marked[$0] }.map { departure in
            AuditLine(
                .release, of: departure, in: vault.name, job: job.name, batch: batch, at: now, why: [why])
        }
        let layout = VaultLayout(job: job.name)
        try AuditLog.put(lines, batch: batch, at: now, layout, vault.store)
        try AuditLog(job, .ship).append(lines)
        let releasing = Releasing(vault: vault, job: job, layout: layout)
        let result = try releasing.release(found.sorted(), &departures, at: now)
        if let failure = result.failed.first {
            throw Fault(.io, "\(failure.object): is on its way out and can't be taken back: \(failure.why)")
        }
        if let gone = result.taken.first(where: { $0.value == .gone }) {
            throw Fault(
                .damaged, "\(gone.key): was on its way out, and the vault has it no more",
                hint: "Pack and ship the run again with --force, so that it is copied anew.")
        }
        return found.count
    }

    /// Takes an archive or a manifest back.
    ///
    /// One that is only in quarantine stays there until the next prune finds that it is needed: nothing can happen to it
    /// before.
    ///
    /// - Returns: whether it had to be.
    /// - Throws: the fault of the vault.
    package mutating func takeBack(_ key: ObjectKey, why: String) throws(Fault) -> Bool {
        guard marked.contains(KeyDigest(key.bytes)) else { return false }
        var departures = try Departures(vault, of: job)
        guard departures.mayBeMarked(key), let departure = departures[key.description] else { return false }
        let now = try vault.store.moment()
        let line = AuditLine(
            .release, of: departure, in: vault.name, job: job.name, batch: RandomID.make(), at: now, why: [why])
        let layout = VaultLayout(job: job.name)
        try AuditLog.put([line], batch: line.batch, at: now, layout, vault.store)
        try AuditLog(job, .ship).append([line])
        let releasing = Releasing(vault: vault, job: job, layout: layout)
        let result = try releasing.release([key.description], &departures, at: now)
        marked.remove(KeyDigest(key.bytes))
        if let failure = result.failed.first {
            throw Fault(.io, "\(failure.object): is on its way out and can't be taken back: \(failure.why)")
        }
        return true
    }
}
