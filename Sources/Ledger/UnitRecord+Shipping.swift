import Codec

/// What the records of ship are called, and what tells that an archive or a manifest is the one that was shipped.
extension UnitRecord {
    /// The unit under which ship records the manifest of a host.
    package static func manifestUnit(ofHost host: String) -> String { "_manifest/\(host)" }

    /// pack: the inputs that ship records for this archive: the archive and its index by their digests.
    package var shippedInputs: [String: String] {
        var inputs: [String: String] = [:]
        for output in outputs.prefix(2) { inputs[output.path] = output.sha256.description }
        return inputs
    }

    /// pack: what the archive holds of a host.
    package func share(of host: String) -> HostShare? { hosts?.first { $0.host == host } }

    /// ship: whether a vault was away when it was made, so that the ledger waits for another one.
    package var lacksVault: Bool { inputs.keys.contains { $0.hasPrefix("without vault ") } }
}
