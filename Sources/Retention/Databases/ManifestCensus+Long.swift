import Codec
import Ledger
import Platform
import Vault
import Warehouse

extension ManifestCensus {
    /// Calls `each` with every object under the digest of its key that manifests name, and that key, in no order.
    ///
    /// - Parameters:
    ///   - prune: of the vault.
    ///   - units: the databases whose manifests are read; all without them.
    ///   - each: gets object and key.
    /// - Throws: what `each` throws; `damaged` for a manifest that can't be read: what it names is not known then.
    func forEachLong(_ prune: VaultPrune, units: Set<String>? = nil, _ each: StoredObjects.LongKey) throws(Fault) {
        let beginning = Array("\(prune.layout.job)/long/".utf8)
        for manifest in manifests where units?.contains(manifest.unit) ?? true {
            try Shutdown.check()
            try forEachCopy(of: manifest, prune) { source throws(Fault) in
                let scanner = try TableScanner(gzip: source, columns: ["key", "object"], required: ["key", "object"])
                while try scanner.next() {
                    guard scanner.field(1).starts(with: beginning) else { continue }
                    try each(
                        try scanner.unescaped(1) { ByteString($0) }, try scanner.unescaped(0) { ByteString($0) })
                }
            }
        }
    }
}
