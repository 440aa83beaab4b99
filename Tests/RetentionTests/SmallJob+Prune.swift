import Ledger
import Platform
import Retention
import Settings
import Staging
import Vault

extension SmallJob {
    /// Collects a host's tree today, packs, ships and commits it.
    func night(_ host: String, _ tree: Tree) throws {
        pass(days: 1)
        try handOn(try plan(host, today, tree))
        try finish(today)
    }

    /// Packs, ships and commits what was collected.
    func finish(_ date: CivilDate) throws {
        try pack(date)
        for vault in vaults { try ship(date, vault) }
        _ = try commit(date)
    }

    /// A file of a tenant that has not changed since `day`.
    static func file(_ text: String, day: Int = 0) -> File {
        File(bytes: Array(text.utf8), modified: Timestamp(seconds: 1_700_000_000 + Int64(day)))
    }

    /// Prunes a vault, all of it at once unless something else is asked for.
    ///
    /// - Returns: the plan that was carried out.
    @discardableResult
    func prune(_ vault: OpenVault, _ policy: RetentionPolicy, _ change: (inout VaultPrune.Request) -> Void = { _ in })
        throws -> VaultPrunePlan
    {
        var request = VaultPrune.Request(policy: policy)
        request.approved = ["acme", "globex"]
        request.expires = true
        change(&request)
        let prune = VaultPrune(
            vault, of: directory, open: try OpenRuns(directory, vaults: vaults.map(\.name)), cache: cache, request,
            clock: clock, log: log)
        var departures = try Departures(vault, of: directory)
        let plan = try prune.plan(departures)
        _ = try prune.carryOut(plan, &departures)
        return plan
    }
}
