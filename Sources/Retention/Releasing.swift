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
    ///   - keys: of archives and manifests that have an entry; archives come back before the manifests that name them.
    ///   - departures: saved as it changes.
    ///   - moment: the time by the vault's clock.
    /// - Returns: what was there, and what failed alone.
    /// - Throws: what keeps everything from being done.
    package func release(_ keys: [String], _ departures: inout Departures, at moment: Timestamp) throws(Fault) -> Result
    {
        var result = Result()
        for key in keys where departures[key]?.state != .quarantined {
            departures[key]?.state = .releasing
            departures[key]?.since = moment
        }
        try onStep("releasing")
        try departures.save()
        let sorted = keys.sorted { left, right in
            let (one, other) = (departures[left]?.kind, departures[right]?.kind)
            return one == other ? left < right : one == .archive
        }
        let elsewhere = try Departures.retiredManifests(besides: vault.name, of: job)
        for key in sorted {
            try Shutdown.check()
            do throws(Fault) { result.taken[key] = try takeBack(key, departures[key], elsewhere) } catch {
                if [.interrupted, .unreachable, .unmounted].contains(error.code) { throw error }
                result.failed.append(.init(object: key, why: error.description))
                continue
            }
            departures[key] = nil
        }
        try onStep("released")
        try departures.save()
        return result
    }

    private func takeBack(_ key: String, _ departure: Departure?, _ elsewhere: Set<String>) throws(Fault) -> TakenBack {
        let object = try ObjectKey(key)
        guard let departure, departure.state != .quarantined else { return .wasLive }
        let group = departure.kind == .archive ? layout.group(ofArchive: object) : layout.group(ofManifest: object)
        var taken = TakenBack.wasLive
        for key in group.reversed() {
            try onStep("take back")
            let what = try vault.store.takeBack(key)
            if key == object { taken = what }
        }
        if departure.kind == .manifest, taken != .gone, !elsewhere.contains(key), let manifest = layout.manifest(object)
        {
            try onStep("back into the ledger")
            // A newer number may have taken its place; then it stays behind that one as before.
            _ = try job.ledger().takeBack(run: manifest.run, unit: manifest.unit, number: manifest.number)
        }
        return taken
    }
}
