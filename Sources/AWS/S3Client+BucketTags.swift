import HTTP
package import Platform

extension S3Client {
    /// GetBucketTagging; none where nobody has set any.
    package func bucketTags() throws(Fault) -> [String: String] {
        let call = S3Call(.get, query: [.init("tagging")], roots: ["Tagging"])
        switch try attempt(call) {
        case .success(let answer):
            var tags: [String: String] = [:]
            for tag in answer.document["TagSet"]?.all("Tag") ?? [] {
                if let name = tag.text("Key") { tags[name] = tag["Value"]?.text ?? "" }
            }
            return tags
        case .failure(let error) where error.code == "NoSuchTagSet" || error.code == "NoSuchTagSetError": return [:]
        case .failure(let error): throw error.fault("\(name()) tagging")
        }
    }

    /// PutBucketTagging: replaces all tags of the bucket.
    package func putBucketTags(_ tags: [String: String]) throws(Fault) {
        var call = S3Call(.put, query: [.init("tagging")])
        let list = tags.sorted { $0.key < $1.key }
            .map { XMLElement("Tag", "", [XMLElement("Key", $0.key), XMLElement("Value", $0.value)]) }
        call.setDocument(XMLElement("Tagging", "", [XMLElement("TagSet", "", list)]))
        _ = try perform(call)
    }

    /// HeadBucket.
    ///
    /// - Returns: false when there is no such bucket.
    /// - Throws: `permission` for a bucket of somebody else.
    package func bucketExists() throws(Fault) -> Bool {
        switch try attempt(S3Call(.head)) {
        case .success: return true
        case .failure(let error) where error.status == 404: return false
        case .failure(let error): throw error.fault(name())
        }
    }
}
