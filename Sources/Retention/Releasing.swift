import Ledger
package import Platform
package import Staging
package import Vault

/// Takes objects back that are on their way out: the mark off, the manifest back into the ledger, the entry away.
package struct Releasing: Sendable {
    let vault: OpenVault
    let job: JobDirectory
    let layout: VaultLayout
    let onStep: @Sendable (_ step: String) throws(Fault) -> Void

    package init(
        vault: OpenVault, job: JobDirectory, layout: VaultLayout,
        onStep: @escaping @Sendable (_ step: String) throws(Fault) -> Void = { _ in }
    ) {
        self.vault = vault
        self.job = job
        self.layout = layout
        self.onStep = onStep
    }

    package struct Result: Sendable {
        /// What it came to, by key.
        package var taken: [String: TakenBack] = [:]
        package var failed: [VaultPrune.Failure] = []

        package init() {}
    }

    /// Takes back.
    ///
    /// - Parameters:
    ///   - keys: of what has an entry; archives and objects come back before the manifests that name them.
    ///   - departures: saved as it changes.
    ///   - moment: the time by the vault's clock.
    /// - Returns: what was there, and what failed alone.
    /// - Throws: what keeps everything from being done.
    package func release(_ keys: [String], _ departures: inout Departures, at moment: Timestamp) throws(Fault) -> Result
    {
        var result = Result()
        let before = Dictionary(
            keys.compactMap { key in departures[key].map { (key, $0) } }, uniquingKeysWith: { first, _ in first })
        for key in keys where departures[key]?.state != .quarantined {
            departures[key]?.state = .releasing
            departures[key]?.since = moment
        }
        try onStep("releasing")
        try departures.save()
        let sorted = keys.sorted { left, right in
            let (one, other) = (departures[left]?.kind, departures[right]?.kind)
            return one == other ? left < right : other == .manifest && one != .manifest
        }
        let elsewhere = try Departures.retiredManifests(besides: vault.name, of: job)
        for isManifest in [false, true] {
            let ours = sorted.filter { (departures[$0]?.kind == .manifest) == isManifest }
            try takeBack(ours.map { ($0, departures[$0]) }, elsewhere, &result)
        }
        try tell(result.taken.filter { $0.value == .gone }.compactMap { before[$0.key] }, at: moment)
        for (key, taken) in result.taken {
            departures[key] = taken == .gone ? before[key].map { Self.gone($0, moment) } : nil
        }
        try onStep("released")
        try departures.save()
        return result
    }

    /// Tells what was gone already: that it was to be taken back is told, and it did not come.
    private func tell(_ gone: [Departure], at moment: Timestamp) throws(Fault) {
        let batch = RandomID.make()
        let lines = gone.sorted { $0.key < $1.key }.map { departure in
            AuditLine(
                .gone, of: departure, in: vault.name, job: job.name, batch: batch, at: moment,
                why: ["could not be taken back"])
        }
        guard !lines.isEmpty else { return }
        try onStep("audit of what is gone")
        try AuditLog.put(lines, batch: batch, at: moment, layout, vault.store)
        try AuditLog(job, .ship).append(lines)
    }

    /// What is gone for good is remembered for as long as the rest of it in the ledger.
    private static func gone(_ departure: Departure, _ moment: Timestamp) -> Departure {
        guard departure.state != .gone else { return departure }
        var gone = departure
        (gone.state, gone.since) = (.gone, moment)
        return gone
    }

    /// Several at once, since nearly all of it is waiting for answers.
    private static let atOnce = 8

    private func takeBack(
        _ keys: [(key: String, departure: Departure?)], _ elsewhere: Set<String>, _ result: inout Result
    ) throws(Fault) {
        let found = Monitor(result)
        try ThreadCrew.each(keys, atOnce: vault.store.removesByItself ? Self.atOnce : 1, "undo") {
            key, departure throws(Fault) in
            do throws(Fault) {
                let taken = try takeBack(key, departure, elsewhere)
                found.with { $0.taken[key] = taken }
            } catch {
                if [.interrupted, .unreachable, .unmounted].contains(error.code) { throw error }
                found.with { $0.failed.append(.init(object: key, why: error.description)) }
            }
        }
        result = found.with { $0 }
    }

    private func takeBack(_ key: String, _ departure: Departure?, _ elsewhere: Set<String>) throws(Fault) -> TakenBack {
        guard let departure, departure.state != .quarantined else { return .wasLive }
        let taken = try DepartingObjects(vault: vault, layout: layout).takeBack(key, departure.kind, onStep: onStep)
        if departure.kind == .manifest, taken != .gone, !elsewhere.contains(key),
            let manifest = layout.manifest(try ObjectKey(key))
        {
            try onStep("back into the ledger")
            // A newer number may have taken its place; then it stays behind that one as before.
            _ = try job.ledger().takeBack(run: manifest.run, unit: manifest.unit, number: manifest.number)
        }
        return taken
    }
}
