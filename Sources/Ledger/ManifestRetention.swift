package import Platform

/// Decides which manifests a job keeps, and why: pure, newest first.
///
/// Each unit is decided for itself, since a run that failed for one host must not take that host's place in a week or a
/// month. What is not kept may go; whether an archive goes depends on all manifests that are kept (``RetentionPlan``).
package struct ManifestRetention: Sendable {
    /// A verified manifest of a unit in a run.
    package struct Manifest: Hashable, Sendable {
        package var run: CivilDate
        package var unit: String
        /// The tenants that it has entries of.
        package var tenants: [String]

        package init(run: CivilDate, unit: String, tenants: [String] = []) {
            self.run = run
            self.unit = unit
            self.tenants = tenants
        }
    }

    package enum Reason: Sendable, Hashable, CustomStringConvertible {
        /// The job has no rule that lets anything go.
        case noPolicy
        case keepFor, last, daily, weekly, monthly, yearly
        /// The newest verified one of its unit.
        case newest
        /// Its run is not finished.
        case open
        /// Its date lies ahead: a clock was wrong, or is.
        case future
        case hold(String)

        package var description: String {
            switch self {
            case .noPolicy: "no policy"
            case .keepFor: "keep_for"
            case .last: "keep_last"
            case .daily: "daily"
            case .weekly: "weekly"
            case .monthly: "monthly"
            case .yearly: "yearly"
            case .newest: "newest of its unit"
            case .open: "run is open"
            case .future: "dated in the future"
            case .hold(let why): "hold: \(why)"
            }
        }
    }

    package struct Decision: Sendable {
        package var manifest: Manifest
        /// Why it is kept; nothing keeps one without a reason.
        package var reasons: [Reason]
        package var isKept: Bool { !reasons.isEmpty }
    }

    /// By run, newest first, and by unit.
    package let decisions: [Decision]

    /// Decides.
    ///
    /// - Parameters:
    ///   - manifests: the verified ones, in any order; runs without any have no part in this.
    ///   - openRuns: runs of which a stage has yet to finish.
    ///   - policy: what the job keeps.
    ///   - holds: legal holds.
    ///   - today: the day in the job's time zone.
    package init(
        _ manifests: [Manifest], openRuns: Set<CivilDate> = [], policy: RetentionPolicy, holds: [LegalHold] = [],
        today: CivilDate
    ) {
        let sorted = manifests.sorted { $0.run == $1.run ? $0.unit < $1.unit : $1.run < $0.run }
        // Counted from the last success: while nothing new arrives, or when a clock jumps ahead, nothing grows old.
        let lastSuccess = sorted.first { $0.run <= today }?.run ?? today
        let holds = holds.filter { $0.isInForce(on: today) }
        var buckets: [String: UnitBuckets] = [:]
        decisions = sorted.map { manifest in
            var reasons: [Reason] = []
            if policy.keepsEverything { reasons.append(.noPolicy) }
            if openRuns.contains(manifest.run) { reasons.append(.open) }
            for hold in holds where hold.covers(anyOf: manifest.tenants) { reasons.append(.hold(hold.why)) }
            if today < manifest.run {
                // It takes nobody's place in the rules below.
                reasons.append(.future)
            } else {
                reasons += buckets[manifest.unit, default: UnitBuckets(policy)].take(manifest.run)
                if let days = policy.keepFor, lastSuccess.dayNumber - manifest.run.dayNumber < days {
                    reasons.append(.keepFor)
                }
            }
            return Decision(manifest: manifest, reasons: reasons)
        }
    }

    package var kept: [Manifest] { decisions.filter(\.isKept).map(\.manifest) }
    package var expired: [Manifest] { decisions.filter { !$0.isKept }.map(\.manifest) }
}

/// The places that one unit's manifests take, newest first.
private struct UnitBuckets {
    private var rules: [(reason: ManifestRetention.Reason, left: Int, key: @Sendable (CivilDate) -> Int, last: Int?)]
    private var isFirst = true

    init(_ policy: RetentionPolicy) {
        rules = [
            (.last, policy.keepLast, { $0.dayNumber }, nil),
            (.daily, policy.daily, { $0.dayNumber }, nil),
            (.weekly, policy.weekly, { $0.weekNumber }, nil),
            (.monthly, policy.monthly, { $0.year * 12 + $0.month }, nil),
            (.yearly, policy.yearly, { $0.year }, nil),
        ]
    }

    mutating func take(_ run: CivilDate) -> [ManifestRetention.Reason] {
        var reasons: [ManifestRetention.Reason] = isFirst ? [.newest] : []
        isFirst = false
        for index in rules.indices where rules[index].left > 0 {
            let key = rules[index].key(run)
            guard rules[index].last != key else { continue }
            rules[index].last = key
            rules[index].left -= 1
            reasons.append(rules[index].reason)
        }
        return reasons
    }
}
