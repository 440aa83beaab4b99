/// Finds what somebody meant who mistyped a name.
package enum NearestName {
    /// The known name that is nearest to `name`, or nothing when none is near.
    ///
    /// At most a third of the letters may differ. Ties go to the name that sorts first.
    package static func of(_ name: String, among known: some Collection<String>) -> String? {
        known.map { (distance: distance(name, $0), name: $0) }
            .filter { $0.distance <= max(1, max(name.utf8.count, $0.name.utf8.count) / 3) }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?.name
    }

    /// The number of bytes to insert, drop, replace or swap with their neighbour (optimal string alignment).
    package static func distance(_ left: String, _ right: String) -> Int {
        // Longer names are no typing mistake, and the table is quadratic.
        let a = Array(left.utf8.prefix(256))
        let b = Array(right.utf8.prefix(256))
        var rows = [Array(0...b.count)]
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var best = min(rows[i][j] + (a[i] == b[j] ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, rows[i - 1][j - 1] + 1) }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
