import AWS
import Glibc
import Platform
import TestSupport
import Testing

/// Nights of a warehouse, and what its prune does.
extension LakeWorld {
    /// A night of all three programs; alarms make some of them partial.
    func night(_ day: Int) async throws {
        try await inventory("2026-03-0\(day + 1)")
        for program in Program.allCases {
            let result = try await self(program, ["lake", "--run", "2026-03-0\(day)"])
            #expect([0, 3].contains(result.status) && !result.isCrash, "\(program) \(day): \(result)")
        }
        try await grow()
    }

    /// Lets objects become older than the store's clock is coarse; Ceph dates them anew when their tags change.
    func grow() async throws { try await Task.sleep(for: .milliseconds(1_100)) }

    func tags(_ key: ByteString) async throws -> [String: String] {
        try await onOwnThread { try vault.tags(key) }
    }

    /// What lies on the way out, by key.
    func departures(at ledger: String? = nil) async throws -> [String: String] {
        let table = (ledger ?? world.staging + "/lake/ledger") + "/_retention/cold.tsv.gz"
        guard access(table, F_OK) == 0 else { return [:] }
        let text = try await TestSupport.run(["zcat", table]).output
        var states: [String: String] = [:]
        for line in text.split(separator: "\n").dropFirst() {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            states[String(fields[0])] = String(fields[2])
        }
        return states
    }

    /// Lets days go by: what is on its way out has been so for longer.
    func pass(days: Int) async throws {
        let place = world.staging + "/lake/ledger/_retention"
        let script = """
            import csv, datetime, gzip, json
            place = '\(place)'
            with gzip.open(place + '/cold.tsv.gz', 'rt') as table: rows = [line.split('\\t') for line in table]
            for row in rows[1:]:
                seconds, dot, rest = row[3].partition('.')
                row[3] = str(int(seconds) - \(days) * 86400) + dot + rest
            with gzip.open(place + '/cold.tsv.gz', 'wt') as table: table.writelines('\\t'.join(row) for row in rows)
            """
        let result = try await TestSupport.run(["python3", "-c", script])
        #expect(result.status == 0, "\(result)")
    }
}
