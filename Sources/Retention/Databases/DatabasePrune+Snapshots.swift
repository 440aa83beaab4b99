import AWS
import Codec
import Ledger
import Platform
import Settings
import Vault
import Warehouse

extension DatabasePrune {
    /// The name by which the snapshots of a job are approved together.
    package static let snapshotsGroup = "_snapshots"

    /// Decides about the buckets of full snapshots: one goes as a whole, when nothing keeps a manifest of its run.
    func snapshots(_ work: Work) throws(Fault) {
        var candidates: [PruneCandidate] = []
        let runs = Dictionary(grouping: work.census.manifests.indices) { work.census.manifests[$0].run }
        for (run, places) in runs.sorted(by: { $0.key < $1.key }) {
            try Shutdown.check()
            let manifests = places.map { work.census.manifests[$0] }
            guard let created = manifests.compactMap({ $0.head?.modified }).max() else { continue }
            let bucket = try SnapshotName.bucket(
                template: warehouse.snapshot, source: warehouse.source.bucket, run: run)
            let name = Departure.name(ofSnapshot: bucket)
            let departure = work.departures[name]
            var kept = places.first { !work.reasons[$0].isEmpty }
            if kept == nil { kept = try carrier(of: bucket, run, work) }
            if kept != nil, departure == nil {
                work.plan.kept += 1
                candidates.append(
                    PruneCandidate(
                        object: object(name, created, manifests), kind: .snapshot, run: run.description, why: ["kept"]))
                continue
            }
            let client = store.client.sibling(bucket: bucket)
            guard try SnapshotBucket.isSnapshot(client, job: prune.layout.job, run: run),
                try SnapshotBucket.hasObjects(client)
            else {
                if departure == nil { work.plan.unknown += 1 }
                continue
            }
            var object = object(name, created, manifests)
            var why = kept.map { [work.census.manifests[$0].name] } ?? []
            if let departure {
                work.seen.insert(KeyDigest(name))
                object.state = departure.planState(work.now)
                if departure.state == .releasing { why.append("was being taken back") }
            }
            candidates.append(PruneCandidate(object: object, kind: .snapshot, run: run.description, why: why))
        }
        var items = try prune.decide(candidates, work.now).map(\.item)
        trip(&items, work)
        work.plan.items += items.filter { $0.decision != .keep }
    }

    /// A manifest that is kept and names something in the bucket of another run: the job was incremental in between.
    private func carrier(of bucket: String, _ run: CivilDate, _ work: Work) throws(Fault) -> Int? {
        let beginning = Array("s3://\(bucket)/".utf8)
        for (index, manifest) in work.census.manifests.enumerated()
        where run < manifest.run && !work.reasons[index].isEmpty {
            var isCarrier = false
            try work.census.forEachCopy(of: manifest, prune) { source throws(Fault) in
                let scanner = try TableScanner(gzip: source, columns: ["object"], required: ["object"])
                // One that was made in full names only its own.
                while !isCarrier, try scanner.next() { isCarrier = scanner.field(0).starts(with: beginning) }
            }
            if isCarrier { return index }
        }
        return nil
    }

    private func object(_ name: String, _ created: Timestamp, _ manifests: [ManifestCensus.Manifest])
        -> RetentionPlan.Object
    {
        RetentionPlan.Object(
            key: name, size: 0, created: created, tenants: Set(manifests.map(\.unit)).sorted())
    }

    /// As many snapshots as days have gone by are the policy at work; more, and more than the share, are an accident.
    private func trip(_ items: inout [VaultPrunePlan.Item], _ work: Work) {
        let going = items.filter { $0.decision == .quarantine }.count
        let all = items.filter { work.departures[$0.object] == nil }.count
        let days = work.departures.prunedAt.map { Int(work.now.since($0) / 86_400) } ?? 1
        guard going > max(1, days), Double(going) > prune.request.maxVanished * Double(all) else { return }
        if prune.request.approved.contains(Self.snapshotsGroup) {
            work.plan.approved.append(Self.snapshotsGroup)
            return
        }
        work.plan.trips.append(.init(tenant: Self.snapshotsGroup, going: going, all: all))
        for index in items.indices where items[index].decision == .quarantine {
            (items[index].decision, items[index].why) = (.wait, ["waits for approval"])
            work.blockedRuns.insert(items[index].run)
        }
    }
}
