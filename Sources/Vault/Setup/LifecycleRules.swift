package import AWS
import Platform

/// The rules by which a bucket deletes: ours, and what is dangerous in those of others.
package struct LifecycleRules: Sendable {
    /// What all keys of the vault begin with: empty, or with a slash at its end.
    private let prefix: String
    /// Days until a version that the lifecycle has hidden is gone for good: the time to take it back.
    private let grace: Int

    package static let abortID = "coldchain-abort"
    package static let retiredID = "coldchain-retired"
    /// Longer than any upload takes, and than `ship sweep` waits: it is for those that nobody sweeps.
    package static let abortDays = 14

    package init(prefix: String, grace: Int) {
        self.prefix = prefix
        self.grace = max(1, grace)
    }

    /// The configuration with our rules in the place of earlier ones, and those of others as they are.
    ///
    /// Rules go by the vault's prefix and a name that tells it, so that several vaults share a bucket.
    package func merged(with live: XMLElement?) -> XMLElement {
        let ours = [abortRule, retiredRule]
        let ids = Set(ours.compactMap { $0.text("ID") })
        let others = (live?.all("Rule") ?? []).filter { !ids.contains($0.text("ID") ?? "") }.map(Self.wellFormed)
        return XMLElement("LifecycleConfiguration", "", others + ours)
    }

    /// Whether a live configuration has our rules as they are to be.
    package func isIn(_ live: XMLElement?) -> Bool {
        let rules = (live?.all("Rule") ?? []).map(Self.normal)
        return [abortRule, retiredRule].allSatisfy { rules.contains(Self.normal($0)) }
    }

    /// The rules of a live configuration, as they can be written again.
    package static func wellFormed(rulesOf live: XMLElement?) -> [XMLElement] {
        (live?.all("Rule") ?? []).map(wellFormed)
    }

    /// Ceph gives a filter of several conditions without the `And` that it takes them with.
    private static func wellFormed(_ rule: XMLElement) -> XMLElement {
        var copy = rule
        copy.children = rule.children.map { child in
            guard child.name == "Filter", child.children.count > 1 else { return child }
            return XMLElement("Filter", "", [XMLElement("And", "", child.children)])
        }
        return copy
    }

    /// Order of the parts means nothing.
    private static func normal(_ element: XMLElement) -> XMLElement {
        var copy = element.name == "Rule" ? wellFormed(element) : element
        copy.text = copy.children.isEmpty ? copy.text : ""
        copy.children = copy.children.map(normal).sorted { ($0.name, $0.text) < ($1.name, $1.text) }
        return copy
    }

    private func id(_ base: String) -> String { prefix.isEmpty ? base : "\(base):\(prefix)" }

    /// Uploads that nobody ended; a rule with a tag can't do this.
    private var abortRule: XMLElement {
        XMLElement(
            "Rule", "",
            [
                XMLElement("ID", id(Self.abortID)), XMLElement("Filter", "", [XMLElement("Prefix", prefix)]),
                XMLElement("Status", "Enabled"),
                XMLElement(
                    "AbortIncompleteMultipartUpload", "", [XMLElement("DaysAfterInitiation", "\(Self.abortDays)")]),
            ])
    }

    /// What has been retired, and that alone.
    private var retiredRule: XMLElement {
        let tag = XMLElement(
            "Tag", "", [XMLElement("Key", S3Store.retiredTag), XMLElement("Value", S3Store.retiredValue)])
        let filter = XMLElement("And", "", [XMLElement("Prefix", prefix), tag])
        return XMLElement(
            "Rule", "",
            [
                XMLElement("ID", id(Self.retiredID)), XMLElement("Filter", "", [filter]),
                XMLElement("Status", "Enabled"),
                // Days count from when the object was made; it waited for its grace before it got the tag.
                XMLElement("Expiration", "", [XMLElement("Days", "1")]),
                XMLElement("NoncurrentVersionExpiration", "", [XMLElement("NoncurrentDays", "\(grace)")]),
            ])
    }

    /// The live rules that would delete objects of the vault that are not retired.
    package func dangerous(in live: XMLElement?) -> [XMLElement] {
        (live?.all("Rule") ?? []).filter { rule in
            rule.text("Status") != "Disabled" && expires(rule) && concernsUs(rule) && !Self.needsForeignTag(rule)
        }
    }

    /// Whether a live rule deletes what is retired.
    package func deletesRetired(in live: XMLElement?) -> Bool {
        (live?.all("Rule") ?? []).contains { rule in
            let filter = rule["Filter"]
            let theirs = filter?.text("Prefix") ?? filter?["And"]?.text("Prefix") ?? rule.text("Prefix") ?? ""
            let tags = (filter?.all("Tag") ?? []) + (filter?["And"]?.all("Tag") ?? [])
            return rule.text("Status") != "Disabled" && rule["Expiration"]?.text("Days") != nil
                && prefix.hasPrefix(theirs) && tags.count == 1
                && tags.allSatisfy {
                    $0.text("Key") == S3Store.retiredTag && $0.text("Value") == S3Store.retiredValue
                }
        }
    }

    /// Removing delete markers below which nothing is deletes nothing.
    private func expires(_ rule: XMLElement) -> Bool {
        if let expiration = rule["Expiration"], expiration.text("Days") != nil || expiration.text("Date") != nil {
            return true
        }
        return rule["NoncurrentVersionExpiration"] != nil
    }

    private func concernsUs(_ rule: XMLElement) -> Bool {
        let filter = rule["Filter"]
        let theirs = filter?.text("Prefix") ?? filter?["And"]?.text("Prefix") ?? rule.text("Prefix") ?? ""
        return theirs.hasPrefix(prefix) || prefix.hasPrefix(theirs)
    }

    /// Whether it is for objects with a tag that ours never have, or have when they are retired.
    private static func needsForeignTag(_ rule: XMLElement) -> Bool {
        let tags = (rule["Filter"]?.all("Tag") ?? []) + (rule["Filter"]?["And"]?.all("Tag") ?? [])
        return tags.contains { tag in
            let (name, value) = (tag.text("Key") ?? "", tag.text("Value") ?? "")
            return name == S3Store.retiredTag ? value == S3Store.retiredValue : !name.hasPrefix("coldchain-")
        }
    }
}
