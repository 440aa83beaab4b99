package import Platform

/// Decides what becomes of the vault's objects: pure, with the time as a parameter.
///
/// An object that nothing kept refers to goes through quarantine (a date in the ledger), is then retired (marked for
/// deletion in the vault) and is removed by the vault's own rules, or by `ship prune --expire` where it has none. Each
/// step can be undone until the last, and an object that is referred to again is released at once.
package struct RetentionPlan: Sendable {
    package struct Object: Sendable, Equatable {
        package var key: String
        package var size: Int64
        package var storageClass: String
        package var created: Timestamp
        /// Whose entries it holds.
        package var tenants: [String]
        package var state: State
        /// Until when the store itself refuses to delete it (Object Lock).
        package var lockedUntil: Timestamp?
        /// The store has a legal hold on it.
        package var isHeldByStore: Bool

        package init(
            key: String, size: Int64, storageClass: String = "", created: Timestamp, tenants: [String] = [],
            state: State = .live, lockedUntil: Timestamp? = nil, isHeldByStore: Bool = false
        ) {
            self.key = key
            self.size = size
            self.storageClass = storageClass
            self.created = created
            self.tenants = tenants
            self.state = state
            self.lockedUntil = lockedUntil
            self.isHeldByStore = isHeldByStore
        }
    }

    /// How far an object is on its way out.
    package enum State: Sendable, Equatable {
        case live
        case quarantined(since: Timestamp)
        case retired(at: Timestamp)
    }

    package enum Decision: Sendable, Equatable {
        /// Stays; the reasons tell why.
        case keep([String])
        /// Was on its way out, and stays: its mark is taken back.
        case release([String])
        /// Nothing keeps it, but its time has not come.
        case wait(until: Timestamp, String)
        case quarantine
        /// Its quarantine is over: marked for deletion, once it has been looked at again.
        case retire
        /// Marked, and the vault deletes it by its own rules.
        case leave
        /// Marked for longer than the grace: removed where the vault has no rules of its own.
        case expire
    }

    package struct Item: Sendable {
        package var object: Object
        package var decision: Decision
    }

    /// In the order of the objects that were given.
    package let items: [Item]

    /// Decides about each object.
    ///
    /// - Parameters:
    ///   - objects: what the ledger knows to be the job's; nobody else's object is ever given here.
    ///   - references: why an object is needed: by which kept manifests and by which plans of open runs. Empty for one
    ///     that nothing needs.
    ///   - policy: grace and least age.
    ///   - holds: legal holds.
    ///   - now: the moment of the decision.
    ///   - today: its day in the job's time zone.
    ///   - expires: true for a vault without rules of its own.
    package init(
        _ objects: [Object], references: (String) -> [String], policy: RetentionPolicy, holds: [LegalHold] = [],
        now: Timestamp, today: CivilDate, expires: Bool = false
    ) {
        let holds = holds.filter { $0.isInForce(on: today) }
        items = objects.map { object in
            var reasons = references(object.key)
            for hold in holds where hold.covers(anyOf: object.tenants) { reasons.append("hold: \(hold.why)") }
            if object.isHeldByStore { reasons.append("legal hold of the store") }
            if policy.keepsEverything { reasons.append("no policy") }
            let decision =
                reasons.isEmpty
                ? Self.next(object, policy, now, expires)
                : object.state == .live ? .keep(reasons) : .release(reasons)
            return Item(object: object, decision: decision)
        }
    }

    private static func next(_ object: Object, _ policy: RetentionPolicy, _ now: Timestamp, _ expires: Bool) -> Decision
    {
        switch object.state {
        case .live:
            let ofAge = object.created.adding(days: policy.minAge)
            if now < ofAge { return .wait(until: ofAge, "min_age") }
            return .quarantine
        case .quarantined(let since):
            let end = since.adding(days: policy.grace)
            if now < end { return .wait(until: end, "quarantine") }
            // Marking it would do nothing before, and a rule that then acts at once leaves no time for an undo.
            if let locked = object.lockedUntil, now < locked { return .wait(until: locked, "Object Lock") }
            return .retire
        case .retired(let at):
            guard expires else { return .leave }
            let end = at.adding(days: policy.grace)
            return now < end ? .wait(until: end, "grace") : .expire
        }
    }
}

extension Timestamp {
    package func adding(days: Int) -> Timestamp {
        Timestamp(seconds: seconds + Int64(days) * 86_400, nanoseconds: nanoseconds)
    }
}
