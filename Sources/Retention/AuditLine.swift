package import Ledger
package import Platform

/// One decision about one thing, as it stands in the audit log: written before it is carried out.
package struct AuditLine: Codable, Sendable, Hashable {
    package enum Action: String, Codable, Sendable, CaseIterable {
        /// Nothing needs it any more; it waits.
        case quarantine
        /// Marked for deletion in the vault.
        case retire
        /// Was on its way out, and is needed again.
        case release
        /// Was on its way out, and somebody took it back.
        case undo
        /// Removed from a vault that is a directory.
        case expire
        /// The vault has it no more.
        case gone
        /// Removed from staging, since every vault holds it.
        case prune
        /// Much would have gone at once, and nothing of it went.
        case refuse
        /// Somebody allowed that.
        case approve
        case hold
        case endHold = "end-hold"
    }

    package var time: String
    package var job: String
    package var stage: Stage
    package var action: Action
    /// What was decided together.
    package var batch: String
    /// The account and the server.
    package var by: String
    package var vault: String?
    /// The key in the vault, or the path below the run on staging.
    package var object: String?
    package var bytes: Int64?
    package var tenants: [String]?
    package var run: String?
    package var why: [String]
    /// When the object was written, and its storage class.
    package var created: String?
    package var storageClass: String?
    /// The last day of a hold.
    package var until: String?
    /// Nanoseconds since 1970 by the clock here: which of two batches of one second came first.
    package var ordinal: Int64?

    package init(
        _ action: Action, job: String, stage: Stage, batch: String, at moment: Timestamp, why: [String] = []
    ) {
        time = moment.rfc3339
        self.job = job
        self.stage = stage
        self.action = action
        self.batch = batch
        by = "\(ProcessIdentity.user)@\(ProcessIdentity.host)"
        self.why = why
        let now = Clock.system.now()
        ordinal = now.seconds * 1_000_000_000 + Int64(now.nanoseconds)
    }
}
