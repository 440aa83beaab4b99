package import AWS
import HTTP
package import Platform
package import Vault

/// A snapshot goes as a whole: a rule of its own bucket's lifecycle expires all that is in it, and one call takes that
/// back.
extension SnapshotBucket {
    private static let ruleID = "coldchain-retired-snapshot"

    /// Whether a bucket is the snapshot of a run.
    ///
    /// - Parameters:
    ///   - client: of the bucket.
    ///   - job: the job's name.
    ///   - run: the run.
    /// - Returns: false for one that is not there, and for one of somebody else.
    /// - Throws: the service's error.
    package static func isSnapshot(_ client: S3Client, job: String, run: CivilDate) throws(Fault) -> Bool {
        guard try client.bucketExists() else { return false }
        let tags = try client.bucketTags()
        return tags["coldchain-job"] == job && tags["coldchain-run"] == run.description
    }

    /// Whether anything is in a bucket; hidden versions don't count.
    package static func hasObjects(_ client: S3Client) throws(Fault) -> Bool {
        guard try client.bucketExists() else { return false }
        return try client.firstKey(prefix: ByteString()) != nil
    }

    /// Lets the lifecycle expire all objects of a bucket; what it hides stays for the grace.
    ///
    /// - Parameters:
    ///   - client: of the bucket.
    ///   - mark: when it was decided.
    ///   - grace: days until a hidden version is gone for good.
    /// - Throws: `unsupported` for a bucket without versions; the service's error.
    package static func retire(_ client: S3Client, _ mark: Retirement, grace: Int) throws(Fault) {
        // Where no versions are kept, what the lifecycle deletes could never be taken back.
        guard try client.configuration(.versioning)?.text("Status") == "Enabled" else {
            throw Fault(
                .unsupported, "bucket \(client.name()): keeps no versions, so its lifecycle would delete for good",
                hint: "Enable versioning of the bucket.")
        }
        var tags = try client.bucketTags()
        if tags[S3Store.retiredTag] != S3Store.retiredValue {
            tags[S3Store.retiredTag] = S3Store.retiredValue
            tags[S3Store.retiredAtTag] = mark.at.rfc3339
            try client.putBucketTags(tags)
        }
        let rules = try rules(client)
        guard !rules.contains(where: { $0.text("ID") == ruleID }) else { return }
        let rule = XMLElement(
            "Rule", "",
            [
                XMLElement("ID", ruleID), XMLElement("Filter", "", [XMLElement("Prefix", "")]),
                XMLElement("Status", "Enabled"), XMLElement("Expiration", "", [XMLElement("Days", "1")]),
                XMLElement(
                    "NoncurrentVersionExpiration", "", [XMLElement("NoncurrentDays", "\(max(1, grace))")]),
            ])
        try client.putConfiguration(.lifecycle, XMLElement("LifecycleConfiguration", "", rules + [rule]))
    }

    private static func rules(_ client: S3Client) throws(Fault) -> [XMLElement] {
        LifecycleRules.wellFormed(rulesOf: try client.configuration(.lifecycle))
    }

    /// Takes a whole bucket back: the rule first, then the delete markers that it has set.
    package static func takeBack(_ client: S3Client) throws(Fault) -> TakenBack {
        guard try client.bucketExists() else { return .gone }
        let live = try rules(client)
        let others = live.filter { $0.text("ID") != ruleID }
        let wasMarked = others.count != live.count
        if wasMarked {
            if others.isEmpty {
                _ = try client.perform(S3Call(.delete, query: [.init("lifecycle")]))
            } else {
                try client.putConfiguration(.lifecycle, XMLElement("LifecycleConfiguration", "", others))
            }
        }
        // What the lifecycle had begun when its rule went, it may still do: looked at again until there is nothing.
        var uncovered = 0
        for _ in 0..<mostLooks {
            let found = try uncover(client)
            uncovered += found
            if found == 0 { break }
        }
        var tags = try client.bucketTags()
        if tags[S3Store.retiredTag] != nil {
            (tags[S3Store.retiredTag], tags[S3Store.retiredAtTag]) = (nil, nil)
            try client.putBucketTags(tags)
        }
        if try !hasObjects(client) { return .gone }
        return uncovered > 0 ? .uncovered : wasMarked ? .unmarked : .wasLive
    }

    private static let mostLooks = 5

    /// Removes the delete markers that hide the newest version of each key.
    ///
    /// - Returns: how many there were.
    private static func uncover(_ client: S3Client) throws(Fault) -> Int {
        var uncovered = 0
        var newest: ByteString?
        var markers: [String] = []
        try client.versions(prefix: ByteString()) { version throws(Fault) in
            try Shutdown.check()
            if newest != version.key { (newest, markers) = (version.key, []) }
            if version.isDeleteMarker { return markers.append(version.version) }
            // Below its markers comes the version that they hide, and then older ones.
            for marker in markers {
                do throws(Fault) { try client.removeVersion(marker, of: version.key) } catch {
                    throw error.hinting(
                        "Its delete markers have to be removed: allow s3:DeleteObjectVersion for that, which the bucket policy denies."
                    )
                }
                uncovered += 1
            }
            markers = []
        }
        return uncovered
    }
}
