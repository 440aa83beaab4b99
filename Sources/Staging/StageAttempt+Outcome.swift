package import Ledger

extension StageAttempt {
    /// What a unit came to.
    package struct Outcome: Sendable {
        package var bytesIn: Int64
        package var bytesOut: Int64
        /// What needs eyes though the unit is done; makes the attempt partial.
        package var warnings: [String]
        /// ship: by the vault's name.
        package var costs: [String: CostEstimate]

        package init(
            bytesIn: Int64 = 0, bytesOut: Int64 = 0, warnings: [String] = [], costs: [String: CostEstimate] = [:]
        ) {
            self.bytesIn = bytesIn
            self.bytesOut = bytesOut
            self.warnings = warnings
            self.costs = costs
        }
    }
}

extension StageRecord {
    /// Adds what a unit costs to what the attempt has cost.
    mutating func add(_ costs: [String: CostEstimate]) {
        for (vault, cost) in costs {
            var sum = self.costs?[vault] ?? CostEstimate()
            sum += cost
            self.costs = (self.costs ?? [:]).merging([vault: sum]) { $1 }
        }
    }
}
