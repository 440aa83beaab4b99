package import Ledger
package import Platform
package import Vault
import Warehouse

/// What the audit objects of one vault tell, read from the first to the last: the holds in force, and what is on its way
/// out.
///
/// A new server learns it from the vault alone. What the vault's own marks say is compared with it, and where the two
/// differ the reading counts by which less is deleted.
package struct AuditReplay: Sendable {
    /// By tenant, as the holds are set and ended.
    private var held: [String: LegalHold] = [:]
    /// What is on its way out, by key.
    package private(set) var departures: [String: Departure] = [:]
    /// What was taken back, and whose mark may still be there.
    private var released: [String: Departure] = [:]
    /// Keys of manifests that were retired last, whether they are there still or not.
    package private(set) var retiredManifests: Set<String> = []
    /// Those that were to be taken back since.
    private var returningManifests: Set<String> = []
    /// Lines that can't be read, so that nobody knows what they decided.
    package private(set) var problems: [String] = []

    package var holds: [LegalHold] { held.sorted { $0.key < $1.key }.map(\.value) }

    /// Marks that are looked at at once: nearly all of it is waiting for answers.
    private static let atOnce = 8

    /// Reads the audit objects.
    ///
    /// - Parameters:
    ///   - vault: the vault.
    ///   - layout: of the job.
    ///   - isWarehouse: whether objects of a warehouse are told of, and not archives.
    ///   - isThere: whether the vault's listing has an archive or a manifest.
    /// - Throws: the fault of the store.
    package init(
        _ vault: OpenVault, _ layout: VaultLayout, isWarehouse: Bool,
        isThere: @escaping @Sendable (String) -> Bool
    ) throws(Fault) {
        var replay = Self()
        var torn: [String] = []
        try AuditLog.read(vault.store, layout, torn: { torn.append("\($0):\($1): is no line of the audit log") }) {
            line, _ in replay.take(line, layout, isWarehouse, isThere)
        }
        replay.problems = torn
        try replay.compare(DepartingObjects(vault: vault, layout: layout), isThere)
        self = replay
    }

    private init() {}

    private mutating func take(
        _ line: AuditLine, _ layout: VaultLayout, _ isWarehouse: Bool, _ isListed: (String) -> Bool
    ) {
        let time = Timestamp(rfc3339: line.time) ?? Timestamp(seconds: 0)
        switch line.action {
        case .hold:
            guard let tenant = line.tenants?.first else { return }
            // Earlier versions told the day in words.
            let until = line.until ?? line.why.dropFirst().first.map { String($0.dropFirst("until ".utf8.count)) }
            held[tenant] = LegalHold(
                tenant: tenant, until: until.flatMap { CivilDate($0) }, why: line.why.first ?? "", since: line.time,
                by: line.by)
        case .endHold: if let tenant = line.tenants?.first { held[tenant] = nil }
        case .quarantine, .retire, .expire, .gone, .release, .undo:
            guard let key = line.object else { return }
            note(line.action, of: key, layout)
            let before = departures.removeValue(forKey: key) ?? released[key]
            released[key] = nil
            var departure =
                before
                ?? Departure(
                    key: key, kind: Self.kind(key, layout, isWarehouse), state: .quarantined, since: time,
                    batch: line.batch,
                    size: line.bytes ?? 0, created: line.created.flatMap { Timestamp(rfc3339: $0) } ?? time,
                    storageClass: line.storageClass ?? "", tenants: line.tenants ?? [], run: line.run ?? "")
            (departure.since, departure.batch) = (time, line.batch)
            // The listing has no objects of warehouses: what was taken back is asked for, what is gone is forgotten.
            let isOfWarehouse = [.object, .list, .snapshot].contains(departure.kind)
            switch line.action {
            case .quarantine: departure.state = .quarantined
            case .retire: departure.state = .retired
            case .expire, .gone:
                // Nothing is left to be remembered of what is not there: it begins anew, should it ever come back.
                guard !isOfWarehouse, isListed(key) else { return }
                departure.state = .gone
            default:
                departure.state = .releasing
                if isOfWarehouse || isListed(key) { released[key] = departure }
                return
            }
            departures[key] = departure
        case .prune, .refuse, .approve: break
        }
    }

    private mutating func note(_ action: AuditLine.Action, of key: String, _ layout: VaultLayout) {
        guard (try? ObjectKey(key)).flatMap({ layout.manifest($0) }) != nil else { return }
        switch action {
        case .retire, .expire: retiredManifests.insert(key)
        case .release, .undo: if retiredManifests.remove(key) != nil { returningManifests.insert(key) }
        case .quarantine:
            retiredManifests.remove(key)
            returningManifests.remove(key)
        // It was gone before it could be taken back; of another one that does not say who it was.
        case .gone: if returningManifests.remove(key) != nil { retiredManifests.insert(key) }
        default: break
        }
    }

    private static func kind(_ key: String, _ layout: VaultLayout, _ isWarehouse: Bool) -> Departure.Kind {
        if (try? ObjectKey(key)).flatMap({ layout.manifest($0) }) != nil { return .manifest }
        guard isWarehouse else { return .archive }
        if BatchPlaces(job: layout.job).owner(of: key) != nil { return .list }
        return (try? Departure.bucket(named: key)) == nil ? .object : .snapshot
    }

    // MARK: Marks

    /// Compares with the marks of what is there.
    private mutating func compare(_ objects: DepartingObjects, _ isListed: @Sendable (String) -> Bool) throws(Fault) {
        let marks = Monitor<[String: Retirement]>([:])
        // A bucket's own rule says whether it goes: that is for the next prune.
        let known = departures.merging(released) { one, _ in one }.filter { $0.value.kind != .snapshot }
        let keys = known.filter { [.object, .list].contains($0.value.kind) || isListed($0.key) }.map {
            ($0.key, $0.value.kind)
        }
        try ThreadCrew.each(keys, atOnce: Self.atOnce, "marks") { (key, kind) throws(Fault) in
            if let mark = try objects.retirement(key, kind) { marks.with { $0[key] = mark } }
        }
        let found = marks.with { $0 }
        for (key, _) in keys { departures[key] = Self.safer(departures[key], released[key], found[key]) }
        released = [:]
    }

    /// The state of an object that is there.
    ///
    /// - Parameters:
    ///   - departure: by the audit, on its way out.
    ///   - released: by the audit, taken back.
    ///   - mark: what the vault says.
    /// - Returns: nothing for one that stays.
    static func safer(_ departure: Departure?, _ released: Departure?, _ mark: Retirement?) -> Departure? {
        guard var departure else {
            // Whoever was taking it back did not come to its mark: the next prune does.
            return mark == nil ? nil : released
        }
        switch (departure.state, mark) {
        case (.retired, let mark?): departure.since = max(departure.since, mark.at)
        // It was told and not done: it waits once more.
        case (.retired, nil): departure.state = .quarantined
        // Nobody told that it is marked, and the vault would delete it: the mark comes off.
        case (.quarantined, _?): departure.state = .releasing
        // It was to be removed, and is still there as it was before.
        case (.gone, let mark?): (departure.state, departure.since) = (.retired, mark.at)
        case (.quarantined, nil), (.gone, nil), (.releasing, _): break
        }
        return departure
    }
}
