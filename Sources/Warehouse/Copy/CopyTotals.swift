/// What came of the objects of a database.
package struct CopyTotals: Sendable, Equatable {
    package struct Count: Sendable, Equatable {
        package var objects: Int64 = 0
        package var bytes: Int64 = 0

        package init() {}

        package mutating func add(_ size: Int64) {
            objects += 1
            bytes += size
        }
    }

    /// Made by this attempt.
    package var copied = Count()
    /// Found at their place, made by an earlier attempt.
    package var adopted = Count()
    package var vanished = Count()
    package var archived = Count()
    package var changed = Count()
    /// Of `changed`: log objects that are overwritten all the time and mean nothing alone.
    package var changedHints = Count()
    package var failed = Count()
    /// The first that failed, and why.
    package var firstFailure: String?
    /// The first that changed.
    package var firstChange: String?

    package init() {}

    /// As words and numbers of a record.
    package var counts: [String: Int64] {
        var counts: [String: Int64] = [:]
        for (name, count) in [
            ("copied", copied), ("adopted", adopted), ("vanished", vanished), ("archived", archived),
            ("changed", changed), ("failed", failed),
        ] {
            counts["\(name).objects"] = count.objects
            counts["\(name).bytes"] = count.bytes
        }
        return counts
    }

    package static func += (left: inout CopyTotals, right: CopyTotals) {
        for path: WritableKeyPath<CopyTotals, Count> in [
            \.copied, \.adopted, \.vanished, \.archived, \.changed, \.changedHints, \.failed,
        ] {
            left[keyPath: path].objects += right[keyPath: path].objects
            left[keyPath: path].bytes += right[keyPath: path].bytes
        }
        left.firstFailure = left.firstFailure ?? right.firstFailure
        left.firstChange = left.firstChange ?? right.firstChange
    }
}
