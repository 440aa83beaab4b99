import Vault

/// What came of a look at the objects of a restore, or of the restore.
struct RestoreTotals: Codable, Sendable {
    var restored: Int64 = 0
    var kept: Int64 = 0
    var bytes: Int64 = 0
    /// Not readable yet.
    var waiting: Int64 = 0
    /// Of these, asked for by this call.
    var requested: Int64 = 0
    /// Of these, nobody has asked for, by storage class.
    var archived: [String: ThawRequest.Sum] = [:]
    var failed: Int64 = 0
    /// What the run has only the name of.
    var notKept: Int64 = 0

    static func += (left: inout RestoreTotals, right: RestoreTotals) {
        left.restored += right.restored
        left.kept += right.kept
        left.bytes += right.bytes
        left.waiting += right.waiting
        left.requested += right.requested
        left.archived.merge(right.archived) { one, other in
            ThawRequest.Sum(objects: one.objects + other.objects, bytes: one.bytes + other.bytes)
        }
        left.failed += right.failed
        left.notKept += right.notKept
    }
}
