package import AWS
package import Platform
package import Settings
package import Vault

/// The configuration of an inventory of the source, compared with what the source has (S3 user guide, "Configuring Amazon S3
/// Inventory").
package struct InventorySetup: Sendable {
    /// As it stands, for printing.
    package private(set) var step: BucketSetup.Step
    private let client: S3Client
    private let id: String
    /// What is to be set; nothing where it is as it should be, or must be left alone.
    private var change: XMLElement?

    /// The columns that a backup can't do without, and the one that tells of archive tiers.
    private static let fields = ["Size", "LastModifiedDate", "ETag", "StorageClass", "IntelligentTieringAccessTier"]

    /// Reads what the source has.
    ///
    /// - Parameters:
    ///   - source: a client of the source.
    ///   - place: where the inventories are to arrive: `s3://BUCKET/PREFIX/SOURCE/ID`.
    ///   - isOnly: whether the job has this inventory alone, which then lists the whole bucket; which part another one is
    ///     for, nobody knows.
    /// - Throws: `interrupted`; what else keeps the source from telling is told in the step.
    package init(_ source: S3Client, _ place: WarehouseSettings.InventoryPlace, isOnly: Bool) throws(Fault) {
        client = source
        var words = place.prefix.split(separator: "/").map(String.init)
        id = words.popLast() ?? ""
        let name = "inventory \(id) of s3://\(source.bucket)"
        guard let last = words.popLast(), last == source.bucket else {
            step = .init(
                name: name, state: .failed, document: "",
                why: "inventories arrive below PREFIX/\(source.bucket)/ID, and 'inventory' says '\(place)'")
            return
        }
        let wanted = Self.document(
            id: id, bucket: place.bucket, prefix: words.joined(separator: "/"), region: source.endpoint.region)
        step = .init(name: name, state: .open, document: wanted.indented())
        do throws(Fault) {
            guard let live = try source.inventory(id: id) else {
                if isOnly { change = wanted } else { step.why = "which prefix it is for is yours to fill in" }
                return
            }
            guard Self.destination(live) == Self.destination(wanted) else {
                step.state = .failed
                step.why =
                    "there is one of this name that goes elsewhere, or is no CSV: choose another name, or remove it"
                return
            }
            let merged = Self.merged(live)
            if merged == live { step.state = .asItIs } else { (change, step.document) = (merged, merged.indented()) }
        } catch {
            if error.code == .interrupted { throw error }
            step.why = "what the source has can't be read, so whoever may sets it: \(error)"
        }
    }

    /// Sets it, where it is open and the credentials may.
    ///
    /// - Throws: `interrupted`.
    package mutating func apply() throws(Fault) {
        guard step.state == .open, let change else { return }
        do throws(Fault) {
            try client.putInventory(id: id, change)
            step.state = .applied
        } catch {
            if error.code == .interrupted { throw error }
            // The source often is another account's.
            if error.code != .permission { step.state = .failed }
            step.why = error.description
        }
    }

    private static func document(id: String, bucket: String, prefix: String, region: String) -> XMLElement {
        let partition = region.hasPrefix("cn-") ? "aws-cn" : region.hasPrefix("us-gov-") ? "aws-us-gov" : "aws"
        var destination = [XMLElement("Bucket", "arn:\(partition):s3:::\(bucket)"), XMLElement("Format", "CSV")]
        // Without a slash at its end: with one the files lie elsewhere than their manifest says.
        if !prefix.isEmpty { destination.append(XMLElement("Prefix", prefix)) }
        return XMLElement(
            "InventoryConfiguration", "",
            [
                XMLElement("Destination", "", [XMLElement("S3BucketDestination", "", destination)]),
                XMLElement("IsEnabled", "true"), XMLElement("Id", id),
                XMLElement("IncludedObjectVersions", "Current"),
                XMLElement("OptionalFields", "", fields.map { XMLElement("Field", $0) }),
                XMLElement("Schedule", "", [XMLElement("Frequency", "Daily")]),
            ])
    }

    /// Bucket, prefix and format.
    private static func destination(_ document: XMLElement) -> [String?] {
        let place = document["Destination"]?["S3BucketDestination"]
        return [place?.text("Bucket"), place?.text("Prefix") ?? "", place?.text("Format")]
    }

    /// What is there, switched on and with the columns that are needed; all else stays as its owner wants it.
    private static func merged(_ live: XMLElement) -> XMLElement {
        var merged = live
        let there = live["OptionalFields"]?.all("Field").map(\.text) ?? []
        let columns = there + fields.dropLast().filter { !there.contains($0) }
        func set(_ name: String, _ element: XMLElement) {
            if let index = merged.children.firstIndex(where: { $0.name == name }) {
                merged.children[index] = element
            } else {
                merged.children.append(element)
            }
        }
        if live.text("IsEnabled") != "true" { set("IsEnabled", XMLElement("IsEnabled", "true")) }
        if columns != there {
            set("OptionalFields", XMLElement("OptionalFields", "", columns.map { XMLElement("Field", $0) }))
        }
        return merged
    }
}
