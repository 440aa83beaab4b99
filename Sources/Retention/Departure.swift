import Ledger
package import Platform

/// An object of a vault that is on its way out.
package struct Departure: Sendable, Equatable {
    package enum Kind: String, Codable, Sendable {
        case archive, manifest
        /// A warehouse's object.
        case object
        /// A list for a job of S3 Batch Operations, or a part of its report.
        case list
        /// The bucket of a warehouse's full snapshot, with all that is in it.
        case snapshot
    }

    package enum State: String, Codable, Sendable {
        /// Nothing has happened to it in the vault.
        case quarantined
        /// It is marked in the vault, or about to be.
        case retired
        /// It is being taken back: its mark may still be there.
        case releasing
        /// The vault has it no more.
        case gone
    }

    package var key: String
    package var kind: Kind
    package var state: State
    /// When it came into this state.
    package var since: Timestamp
    package var size: Int64
    package var created: Timestamp
    private(set) var shared: Shared

    /// What many have the same, kept once: two months of them are in memory together.
    final class Shared: Sendable, Hashable {
        let batch: String
        let storageClass: String
        let tenants: [String]
        let run: String

        init(batch: String, storageClass: String, tenants: [String], run: String) {
            self.batch = batch
            self.storageClass = storageClass
            self.tenants = tenants
            self.run = run
        }

        static func == (left: Shared, right: Shared) -> Bool {
            left === right
                || (left.batch, left.storageClass, left.run) == (right.batch, right.storageClass, right.run)
                    && left.tenants == right.tenants
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(batch)
            hasher.combine(tenants)
            hasher.combine(run)
        }
    }

    /// What was decided together.
    package var batch: String {
        get { shared.batch }
        set { shared = Shared(batch: newValue, storageClass: storageClass, tenants: tenants, run: run) }
    }
    package var storageClass: String { shared.storageClass }
    package var tenants: [String] { shared.tenants }
    /// The run that it is of.
    package var run: String { shared.run }

    package init(
        key: String, kind: Kind, state: State, since: Timestamp, batch: String, size: Int64, created: Timestamp,
        storageClass: String, tenants: [String], run: String
    ) {
        self.init(
            key: key, kind: kind, state: state, since: since, size: size, created: created,
            Shared(batch: batch, storageClass: storageClass, tenants: tenants, run: run))
    }

    init(
        key: String, kind: Kind, state: State, since: Timestamp, size: Int64, created: Timestamp, _ shared: Shared
    ) {
        self.key = key
        self.kind = kind
        self.state = state
        self.since = since
        self.size = size
        self.created = created
        self.shared = shared
    }

    /// How far it is on its way out, for the next decision.
    func planState(_ now: Timestamp) -> RetentionPlan.State {
        switch state {
        case .quarantined: .quarantined(since: since)
        case .retired: .retired(at: since)
        // It was removed and has come back: it begins anew.
        case .gone: .live
        case .releasing: .quarantined(since: now)
        }
    }
}
