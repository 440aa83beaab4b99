import AWS
package import Ledger
package import Platform
import Settings
import Vault
import Warehouse

extension DatabasePrune {
    /// Sets or ends the store's own legal hold on all that the vault has of the databases that a hold covers: content, logs
    /// and manifests.
    ///
    /// - Parameters:
    ///   - isOn: true to set it.
    ///   - hold: whose objects.
    ///   - others: holds that stay in force: what one of them covers is not let go.
    /// - Returns: how many objects were treated.
    /// - Throws: the fault of the store.
    package func setHolds(_ isOn: Bool, _ hold: LegalHold, others: [LegalHold]) throws(Fault)
        -> VaultPrune.HoldOutcome
    {
        var outcome = VaultPrune.HoldOutcome(vault: prune.vault.name)
        guard try store.canHold() else {
            outcome.isSupported = false
            return outcome
        }
        let census = try ManifestCensus(prune, now: prune.clock.now(), isRead: false)
        let manifests = census.manifests
            .filter { $0.head != nil && hold.covers($0.unit) }
            .filter { manifest in isOn || !others.contains { $0.covers(manifest.unit) } }
        var keys: [ByteString] = []
        func treat() throws(Fault) {
            try outcome.treat(&keys) { [store] key throws(Fault) in try store.setHold(isOn, at: key) }
        }
        let units = Set(manifests.map(\.unit))
        let runs = try runs()
        for unit in units.sorted() {
            let database = warehouse.prefix.prefix(of: PathEscape.unescape(unit) ?? ByteString(unit))
            for place in ["data/"] + runs.map({ "run/\($0)/" }) {
                let beginning = store.prefix + ByteString("\(prune.layout.job)/\(place)") + database
                try store.client.list(prefix: beginning) { listed throws(Fault) in
                    try Shutdown.check()
                    keys.append(listed.key)
                    if keys.count >= VaultPrune.holdsAtATime { try treat() }
                }
            }
        }
        if try store.client.firstKey(prefix: store.prefix + ByteString("\(prune.layout.job)/long/")) != nil {
            var long: Set<ByteString> = []
            try census.forEachLong(prune, units: units) { (object, _) in long.insert(store.prefix + object) }
            keys += long
        }
        for manifest in manifests {
            for key in prune.layout.group(ofManifest: manifest.key) { keys.append(store.prefix + key.bytes) }
        }
        try treat()
        return outcome
    }

    /// The runs that have copied anything of their own; the manifests of some may be gone, and what they copied carried on.
    private func runs() throws(Fault) -> [String] {
        let beginning = store.prefix + ByteString("\(prune.layout.job)/run/")
        var runs: [String] = []
        var last: ByteString?
        while let key = try store.client.firstKey(prefix: beginning, after: last) {
            try Shutdown.check()
            guard key.hasPrefix(beginning), last.map({ $0 < key }) ?? true else { break }
            let run = key.bytes.dropFirst(beginning.count).prefix { $0 != UInt8(ascii: "/") }
            runs.append(String(decoding: run, as: UTF8.self))
            // The next key that does not begin so: 0 follows the slash.
            last = beginning + ByteString(run) + "0"
        }
        return runs
    }
}
