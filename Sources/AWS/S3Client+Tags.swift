import HTTP
package import Platform

extension S3Client {
    /// GetObjectTagging.
    package func tags(_ key: ByteString, version: String? = nil) throws(Fault) -> [String: String] {
        var call = S3Call(.get, key, query: [.init("tagging")] + Self.query(version: version), roots: ["Tagging"])
        // Ceph answers so where it has lost the tags of CreateMultipartUpload.
        call.mayLackDocument = !endpoint.isAWS
        let root = try perform(call).document
        var tags: [String: String] = [:]
        for tag in root["TagSet"]?.all("Tag") ?? [] {
            // A tag's value may be empty.
            if let name = tag.text("Key") { tags[name] = tag["Value"]?.text ?? "" }
        }
        return tags
    }

    /// PutObjectRetention: locks a version until a date.
    package func putRetention(_ lock: S3NewObject.Lock, _ key: ByteString, version: String? = nil) throws(Fault) {
        var call = S3Call(.put, key, query: [.init("retention")] + Self.query(version: version))
        call.setDocument(
            XMLElement(
                "Retention", "",
                [XMLElement("Mode", lock.mode), XMLElement("RetainUntilDate", lock.until.rfc3339)]))
        _ = try perform(call)
    }

    /// PutObjectTagging: replaces all tags, so whoever changes some reads them first.
    package func putTags(_ tags: [String: String], _ key: ByteString, version: String? = nil) throws(Fault) {
        var call = S3Call(.put, key, query: [.init("tagging")] + Self.query(version: version))
        let list = tags.sorted { $0.key < $1.key }
            .map { XMLElement("Tag", "", [XMLElement("Key", $0.key), XMLElement("Value", $0.value)]) }
        call.setDocument(XMLElement("Tagging", "", [XMLElement("TagSet", "", list)]))
        _ = try perform(call)
    }

    /// PutObjectLegalHold: nobody deletes a version while it is on, whatever its retention.
    package func putLegalHold(_ isOn: Bool, _ key: ByteString, version: String? = nil) throws(Fault) {
        var call = S3Call(.put, key, query: [.init("legal-hold")] + Self.query(version: version))
        call.setDocument(XMLElement("LegalHold", "", [XMLElement("Status", isOn ? "ON" : "OFF")]))
        _ = try perform(call)
    }

    /// DeleteObject of one version: of a delete marker, to have what it hides back.
    package func removeVersion(_ version: String, of key: ByteString) throws(Fault) {
        _ = try perform(S3Call(.delete, key, query: Self.query(version: version)))
    }
}
