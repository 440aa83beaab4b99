import Ledger

/// Something that is in a vault, as it is decided about.
struct PruneCandidate {
    var object: RetentionPlan.Object
    var kind: Departure.Kind
    var run: String
    /// Why it is needed.
    var why: [String]
    /// The day of the newest run that goes and names it.
    var day = Int32.max
    /// Whether what begins to go with it is more than can begin at once, so that it waits for its turn.
    var isLate = false
}
