import Ledger
package import Platform
package import Staging
package import Vault

/// Takes back what prune has begun in one vault: what is chosen, and what it needs to be restored.
package struct Undo: Sendable {
    /// What is chosen; conditions that are given must all hold.
    package struct Selection: Sendable {
        package var batches: [String] = []
        package var objects: [Glob] = []
        package var run: CivilDate?
        package var tenant: Glob?

        package init() {}

        func chooses(_ departure: Departure) -> Bool {
            if !batches.isEmpty, !batches.contains(where: { departure.batch.hasPrefix($0) }) { return false }
            if !objects.isEmpty, !objects.contains(where: { $0.matches(departure.key) }) { return false }
            if let run, departure.run != run.description { return false }
            if let tenant, !departure.tenants.contains(where: { tenant.matches($0) }) { return false }
            return true
        }
    }

    let vault: OpenVault
    let job: JobDirectory
    let layout: VaultLayout

    package init(_ vault: OpenVault, of job: JobDirectory) {
        self.vault = vault
        self.job = job
        layout = VaultLayout(job: job.name)
    }

    /// What is to be taken back.
    package struct Plan: Sendable {
        /// Sorted by their keys.
        package var departures: [Departure] = []
        /// Manifests of which nobody can tell what they name.
        package var unread: [VaultPrune.Failure] = []
    }

    /// What is to be taken back: with a manifest all that it names, with an archive the manifests that name it.
    ///
    /// A manifest that can't be read keeps the others from nothing.
    ///
    /// - Throws: the fault of the store.
    package func plan(_ selection: Selection, _ departures: Departures) throws(Fault) -> Plan {
        var plan = Plan()
        var chosen: Set<String> = []
        for departure in departures where selection.chooses(departure) { chosen.insert(departure.key) }
        let first = chosen
        guard !chosen.isEmpty else { return plan }
        if chosen.count == departures.count {
            plan.departures = Array(departures)
            return plan
        }
        for departure in departures where departure.kind == .manifest {
            try Shutdown.check()
            let key = departure.key
            let isChosen = first.contains(key)
            do throws(Fault) {
                guard let reader = try manifest(key) else { continue }
                while let row = try reader.nextReference() {
                    let names = Departure.names(for: row.object)
                    if isChosen {
                        for name in names where departures[name] != nil { chosen.insert(name) }
                    } else if names.contains(where: first.contains) {
                        chosen.insert(key)
                        break
                    }
                }
            } catch {
                guard [.damaged, .notFound, .changed].contains(error.code) else { throw error }
                plan.unread.append(.init(object: key, why: "can't be read, so what it names is not known: \(error)"))
            }
        }
        // The lists of a run come back with its manifests.
        var runs: Set<[String]> = []
        for departure in chosen.compactMap({ departures[$0] }) where departure.kind == .manifest {
            for tenant in departure.tenants { runs.insert([departure.run, tenant]) }
        }
        for departure in departures
        where departure.kind == .list && departure.tenants.contains(where: { runs.contains([departure.run, $0]) }) {
            chosen.insert(departure.key)
        }
        plan.departures = chosen.sorted().compactMap { departures[$0] }
        plan.unread.sort { $0.object < $1.object }
        return plan
    }

    /// A manifest on its way out: the copy that was in the ledger, or the vault's.
    private func manifest(_ key: String) throws(Fault) -> ManifestReader? {
        let object = try ObjectKey(key)
        guard let (run, unit, number) = layout.manifest(object) else { return nil }
        let ledger = try job.ledger()
        if let source = try ledger.openRetired(run: run, unit: unit, number: number) {
            return try ManifestReader(source)
        }
        do throws(Fault) {
            return try ManifestReader(try ledger.open(run: run, unit: unit, number: number))
        } catch { if error.code != .notFound { throw error } }
        guard try vault.store.head(object) != nil else { return nil }
        return try ManifestReader(try vault.store.open(object))
    }

    /// Takes back; told in the audit log first.
    ///
    /// - Parameters:
    ///   - plan: as ``plan(_:_:)`` gave it under the lock that is still held.
    ///   - departures: saved as it changes.
    ///   - action: what the log tells: that somebody took it back, or that it is needed again.
    ///   - why: a reason, for the log.
    /// - Returns: what it came to.
    /// - Throws: what keeps everything from being taken back.
    package func carryOut(
        _ plan: [Departure], _ departures: inout Departures, as action: AuditLine.Action = .undo, why: String?
    ) throws(Fault) -> Releasing.Result {
        guard !plan.isEmpty else { return Releasing.Result() }
        let now = try vault.store.moment()
        let batch = RandomID.make()
        let lines = plan.map { departure in
            AuditLine(
                action, of: departure, in: vault.name, job: job.name, batch: batch, at: now,
                why: ["was \(departure.state.rawValue)"] + (why.map { [$0] } ?? []))
        }
        try AuditLog.put(lines, batch: batch, at: now, layout, vault.store)
        try AuditLog(job, .ship).append(lines)
        let releasing = Releasing(vault: vault, job: job, layout: layout)
        return try releasing.release(plan.map(\.key), &departures, at: now)
    }
}
