package import AWS
import Codec
import Ledger
package import Platform
package import Settings
import Staging
package import Vault
import Warehouse

/// Retention of a warehouse in one vault: decides which objects of its databases may go.
///
/// An object goes when all of this is so: a manifest has named it; no manifest that is kept, no open run and no hold needs
/// it; it is older than `min_age`; and either the newest manifest names another object for its key, or two complete
/// inventories in a row don't list its key and the source itself says that it is not there. All of it is looked at again
/// when its quarantine is over. Logs always stay.
package struct DatabasePrune: Sendable {
    let prune: VaultPrune
    let store: S3Store
    let source: SourceLook
    let warehouse: WarehouseSettings
    let scratch: Directory

    /// Objects that begin to go with one prune, and that are on their way out, at most.
    ///
    /// Those beyond wait for the next one: they are all in memory, and each costs a few requests.
    static let mostAtOnce = 100_000
    static let mostDeparting = 300_000

    /// - Parameters:
    ///   - prune: of the vault, which carries the plan out.
    ///   - store: the vault's bucket.
    ///   - source: the bucket that is protected, with the credentials of the vault.
    ///   - warehouse: the job's settings.
    ///   - scratch: a local directory.
    package init(
        _ prune: VaultPrune, _ store: S3Store, source: S3Client, _ warehouse: WarehouseSettings, scratch: Directory
    ) {
        self.prune = prune
        self.store = store
        self.source = SourceLook(source)
        self.warehouse = warehouse
        self.scratch = scratch
    }

    /// What a plan needs all along.
    final class Work {
        var plan: VaultPrunePlan
        let now: Timestamp
        let census: ManifestCensus
        /// Why each manifest is kept.
        let reasons: [[String]]
        let departures: Departures
        /// Names of what is on its way out and is there.
        var seen: Set<KeyDigest> = []
        /// Why nothing of a database can go, and that may be all of them.
        var undecided: [String: String] = [:]
        /// What was decided about each manifest, by its key.
        var manifests: [String: VaultPrunePlan.Decision] = [:]
        /// Databases of which objects wait that only their old manifests know, and for what.
        var blocked: [String: String] = [:]
        /// Runs of which the snapshot waits for an approval.
        var blockedRuns: Set<String> = []
        var starting = 0
        let hasLocks: Bool

        init(
            _ plan: VaultPrunePlan, _ now: Timestamp, _ census: ManifestCensus, _ reasons: [[String]],
            _ departures: Departures, hasLocks: Bool
        ) {
            self.hasLocks = hasLocks
            self.plan = plan
            self.now = now
            self.census = census
            self.reasons = reasons
            self.departures = departures
        }
    }

    /// Decides about everything in the vault that the job's manifests name.
    ///
    /// - Parameter departures: what is on its way out already.
    /// - Returns: the plan, for ``VaultPrune/carryOut(_:_:)``.
    /// - Throws: as ``VaultPrune/plan(_:)``.
    package func plan(_ departures: Departures) throws(Fault) -> VaultPrunePlan {
        let now = try prune.moment()
        let census = try ManifestCensus(prune, now: now, isRead: false)
        let reasons = census.reasons(
            policy: prune.request.policy, holds: prune.request.holds, open: prune.open, now: now)
        let work = Work(try prune.emptyPlan(now), now, census, reasons, departures, hasLocks: try store.canHold())
        work.plan.noun = "objects"
        work.plan.runs = VaultPrune.runs(census, reasons)
        // Where nothing goes, nothing has to be looked at.
        if !prune.request.policy.keepsEverything || !departures.isEmpty {
            try objects(work)
            if warehouse.mode == .full { try snapshots(work) }
        }
        try manifests(work)
        if !prune.request.policy.keepsEverything || !departures.isEmpty { try lists(work) }
        work.plan.items += try prune.hidden(work.seen, departures, now) {
            // What was begun is ended.
            $0.state == .releasing ? ["was being taken back"] : []
        }
        if !work.undecided.isEmpty { work.plan.undecided = work.undecided }
        return work.plan
    }

    // MARK: Objects

    /// Goes through all objects, database by database.
    private func objects(_ work: Work) throws(Fault) {
        let search = try InventoryPair.find(prune.job, warehouse)
        var pair: InventoryPair?
        switch search {
        case .pair(let found): pair = found
        case .nothing(let why): work.undecided["*"] = why
        }
        let stored = try StoredObjects(store, job: prune.layout.job, scratch: scratch) { each throws(Fault) in
            try work.census.forEachLong(prune, each)
        }
        work.plan.unknown += stored.unnamed
        var current: DatabaseScan?
        while let object = try stored.next() {
            if let scan = current, object.key.hasPrefix(scan.prefix) {
                try scan.add(object)
                continue
            }
            if let scan = current { try scan.end() }
            current = nil
            let range = object.key.bytes.withUnsafeBytes { warehouse.prefix.name(in: $0) }
            guard let range else {
                work.plan.unknown += 1
                continue
            }
            let scan = try DatabaseScan(self, work, database: ByteString(object.key.bytes[range]), pair)
            try scan.add(object)
            current = scan
        }
        if let scan = current { try scan.end() }
    }

    // MARK: Manifests

    /// Manifests go by the policy, but not before what they name was looked at: an object that nothing names any more is
    /// known by nobody.
    private func manifests(_ work: Work) throws(Fault) {
        var candidates: [PruneCandidate] = []
        for (manifest, why) in zip(work.census.manifests, work.reasons) {
            guard let head = manifest.head else { continue }
            let name = manifest.key.description
            var object = RetentionPlan.Object(
                key: name, size: head.size, storageClass: head.storageClass, created: head.modified,
                tenants: [manifest.unit])
            var reasons = why
            if let departure = work.departures[name] {
                work.seen.insert(KeyDigest(name))
                object.state = departure.planState(work.now)
                if departure.state == .releasing { reasons.append("was being taken back") }
            } else if reasons.isEmpty {
                if let why = work.blocked[manifest.unit] { reasons.append(why) }
                if work.blockedRuns.contains(manifest.run.description) { reasons.append("waits for approval") }
                if warehouse.mode == .incremental, let why = work.undecided[manifest.unit] ?? work.undecided["*"] {
                    reasons.append(why)
                }
            }
            candidates.append(
                PruneCandidate(object: object, kind: .manifest, run: manifest.run.description, why: reasons))
        }
        for (_, item) in try prune.decide(candidates, work.now) {
            work.manifests[item.object] = item.decision
            if item.decision == .keep {
                work.plan.kept += 1
                work.plan.keptBytes += item.bytes
            } else {
                work.plan.items.append(item)
            }
        }
    }
}
