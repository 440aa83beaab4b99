package import Ledger
package import Logging
package import Platform
package import Staging
package import Vault

/// Retention of one vault: decides what may go, and lets it go by quarantine, mark and the vault's own rules.
///
/// It runs under the lock of the ledger, which the commit of manifests takes, too.
package struct VaultPrune: Sendable {
    package struct Request: Sendable {
        package var policy: RetentionPolicy
        package var maxVanished: Double
        package var holds: [LegalHold]
        /// Tenants of which much may go at once.
        package var approved: Set<String> = []
        /// Whether what is marked for longer than the grace is removed where the vault has no rules of its own.
        package var expires = false
        package var fees: PruneFees?
        /// Archives that begin to go with one prune, oldest runs first: those beyond wait for the next one, since all that
        /// goes is in memory.
        package var mostAtOnce = 100_000
        /// Things that wait, or that the vault is to delete, which the plan names one by one: nobody reads more.
        package var mostShown = 10_000

        package init(policy: RetentionPolicy, maxVanished: Double = 0.1, holds: [LegalHold] = []) {
            self.policy = policy
            self.maxVanished = maxVanished
            self.holds = holds
        }
    }

    let job: JobDirectory
    let vault: OpenVault
    let layout: VaultLayout
    let open: OpenRuns
    let cache: ReferenceCache
    let request: Request
    let clock: Clock
    let log: Logger
    /// Called before each change with its name, so that a test can do there what a kill does.
    let onStep: @Sendable (_ step: String) throws(Fault) -> Void

    /// How far the local clock may be from that of the vault, in seconds: beyond it nobody knows which one is wrong.
    private static let tolerableSkew = 900.0

    package init(
        _ vault: OpenVault, of job: JobDirectory, open: OpenRuns, cache: ReferenceCache, _ request: Request,
        clock: Clock, log: Logger, onStep: @escaping @Sendable (_ step: String) throws(Fault) -> Void = { _ in }
    ) {
        self.vault = vault
        self.job = job
        layout = VaultLayout(job: job.name)
        self.open = open
        self.cache = cache
        self.request = request
        self.clock = clock
        self.log = log
        self.onStep = onStep
    }

    // MARK: Planning

    /// Decides about everything in the vault that the job's manifests name.
    ///
    /// - Parameter departures: what is on its way out already.
    /// - Returns: the plan.
    /// - Throws: `unsupported` for a lifecycle that is dangerous, or a clock that is far off; `damaged` for a manifest that
    ///   can't be read: what it names is not known then; the fault of the store.
    package func plan(_ departures: Departures) throws(Fault) -> VaultPrunePlan {
        let now = try moment()
        var plan = try emptyPlan(now)
        let census = try ManifestCensus(self, now: now)
        var needs = try PruneNeeds(self, census, departures, now)
        var draft = try draft(needs, departures, now)
        let trips = trips(draft, needs, departures, now)
        plan.approved = trips.filter { request.approved.contains($0.group) }.map(\.group)
        let refused = trips.filter { !request.approved.contains($0.group) }
        if !refused.isEmpty {
            plan.trips = refused.map { .init(tenant: $0.group, going: $0.going, all: $0.all) }
            try needs.block(Set(refused.map(\.group)), self)
            // What is not among the items may be needed now, too.
            if draft.left.isEmpty {
                try reconsider(&draft, needs, now)
            } else {
                draft = try self.draft(needs, departures, now)
            }
        }
        plan.newestGoing =
            zip(census.manifests, needs.reasons).first {
                $1.isEmpty && $0.isNewestNumber && departures[$0.key.description] == nil
            }?.0.run.description
        plan.items = draft.items.map(\.item)
        (plan.kept, plan.keptBytes, plan.unknown) = (draft.kept, draft.keptBytes, draft.unknown)
        if draft.waiting > 0 { plan.waiting = draft.waiting }
        if !draft.left.isEmpty {
            plan.left = draft.left
            (plan.leaving, plan.leavingBytes) = (draft.left.count, draft.leftBytes)
        }
        plan.runs = Self.runs(census, needs.reasons)
        plan.items += try hidden(draft.seen, departures, now) { needs.why($0.key, $0.kind, tenants: $0.tenants) }
        return plan
    }

    /// What is known of the vault before any object is looked at.
    func emptyPlan(_ now: Timestamp) throws(Fault) -> VaultPrunePlan {
        var plan = VaultPrunePlan(vault: vault.name, place: vault.store.description, now: now)
        if let rules = try vault.store.deletionRules() {
            try rules.check(vault.store.description)
            plan.lacksRule = !rules.deletesRetired
        }
        return plan
    }

    static func runs(_ census: ManifestCensus, _ reasons: [[String]]) -> [VaultPrunePlan.Run] {
        zip(census.manifests, reasons).map { manifest, why in
            .init(
                run: manifest.run.description, unit: manifest.unit, number: manifest.number, isKept: !why.isEmpty,
                why: why.isEmpty && !manifest.isNewestNumber ? ["superseded"] : why)
        }
    }

    /// The time by the vault's clock, which must be about ours.
    func moment() throws(Fault) -> Timestamp {
        let now = try vault.store.moment()
        let skew = clock.now().since(now)
        guard abs(skew) <= Self.tolerableSkew else {
            throw Fault(
                .unsupported,
                "the clock here is \(Int(abs(skew))) s \(skew > 0 ? "ahead of" : "behind") that of \(vault.store.description): nothing is retired by a clock that may be wrong",
                hint: "Set this machine's clock right; 'timedatectl' shows it.")
        }
        return now
    }

    /// The tenants of which more than the share would go.
    ///
    /// As many runs as days have gone by since the last prune are the policy at work, and no accident.
    private func trips(_ draft: Draft, _ needs: PruneNeeds, _ departures: Departures, _ now: Timestamp)
        -> [RetentionBreaker.Trip]
    {
        var expiring: Set<CivilDate> = []
        for (manifest, why) in zip(needs.census.manifests, needs.reasons)
        where why.isEmpty && manifest.isNewestNumber && departures[manifest.key.description] == nil {
            expiring.insert(manifest.run)
        }
        let days = departures.prunedAt.map { Int(now.since($0) / 86_400) } ?? 1
        guard expiring.count > max(1, days) else { return [] }
        return RetentionBreaker(limit: request.maxVanished).trips(going: draft.going, of: draft.all)
    }
}
