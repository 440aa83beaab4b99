import Platform
import Settings

/// The slash that was too many.
extension InventorySearch {
    /// An inventory whose destination prefix ends with a slash writes its files below two slashes, and names them in its
    /// manifest with one: they are never found, however long one waits.
    func doubledSlash(_ key: ByteString) throws(Fault) -> Fault? {
        for (index, byte) in key.bytes.enumerated() where byte == UInt8(ascii: "/") {
            var other = key
            other.bytes.insert(UInt8(ascii: "/"), at: index)
            if try bucket.size(other) != nil {
                return trailingSlash("the manifest names '\(key)', and the file is '\(other)'")
            }
        }
        return nil
    }

    private func trailingSlash(_ what: String) -> Fault {
        Fault(
            .settings, "\(place): the inventory's destination prefix ends with a slash: \(what)",
            hint:
                "Remove the slash at the end of the prefix in the inventory's configuration, and take the next inventory."
        )
    }

    /// Tells what keeps inventories from being found for good, where none has ever arrived.
    func explainAbsence() throws(Fault) {
        let prefix = place.prefix
        if try first(prefix + "/2") != nil { return }
        for index in prefix.indices where prefix[index] == "/" {
            try explain(prefix[..<index] + "//" + prefix[prefix.index(after: index)...] + "/")
        }
        try explain("/" + prefix + "/")
    }

    private func explain(_ other: String) throws(Fault) {
        if let found = try first(other) { throw trailingSlash("it lies at '\(found)'") }
    }

    /// The first key with a prefix.
    private func first(_ prefix: String) throws(Fault) -> ByteString? {
        var found: ByteString?
        do throws(Fault) {
            try bucket.list(prefix: prefix) { key throws(Fault) in
                found = key
                throw Fault(.exists, "one is enough")
            }
        } catch {
            if found == nil { throw error }
        }
        return found
    }
}
