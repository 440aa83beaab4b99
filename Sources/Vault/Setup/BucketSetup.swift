import AWS
import Ledger
package import Platform
package import Settings

/// What a bucket should be set to, compared with what it is set to.
package struct BucketSetup: Sendable {
    package struct Step: Codable, Sendable, Equatable {
        package enum State: String, Codable, Sendable {
            /// The bucket has it.
            case asItIs = "as-it-should-be"
            /// To be applied.
            case open
            case applied
            case failed
        }
        package var name: String
        package var state: State
        /// The document that S3 takes: XML, or JSON of a policy.
        package var document: String
        package var why: String?

        package init(name: String, state: State, document: String, why: String? = nil) {
            self.name = name
            self.state = state
            self.document = document
            self.why = why
        }
    }

    /// A rule of the lifecycle that would delete what it must not.
    package struct RefusedRule: Codable, Sendable, Equatable {
        package var id: String
        package var document: String
    }

    /// Steps in the order in which they are applied.
    package private(set) var steps: [Step] = []
    package private(set) var refused: [RefusedRule] = []
    /// The identity policy for ship, which the bucket itself can't hold.
    package let shipPolicy: JSONValue

    private static let versioning = "versioning"
    private static let lifecycle = "lifecycle"

    private enum Change: Sendable {
        case configuration(S3Client.Configuration, XMLElement)
        case policy([UInt8])
    }
    private var changes: [Change] = []
    private let client: S3Client

    /// Reads how the bucket is set.
    ///
    /// - Parameters:
    ///   - store: the vault.
    ///   - settings: of the vault.
    ///   - grace: days in which what is deleted can be taken back.
    ///   - principal: the ARN of the role or user that ship has; nothing where it is not known.
    /// - Throws: the service's error.
    package init(_ store: S3Store, _ settings: BucketSettings, grace: Int, principal: String?) throws(Fault) {
        client = store.client
        let policies = BucketPolicies(settings, region: client.endpoint.region, principal: principal)
        shipPolicy = policies.ship

        // First, and before anything is changed: our objects must be safe from the rules that are there.
        let rules = LifecycleRules(prefix: S3Client.text(store.prefix), grace: grace)
        let live = try client.configuration(.lifecycle)
        refused = rules.dangerous(in: live).map { RefusedRule(id: $0.text("ID") ?? "", document: $0.indented()) }

        let versioning = XMLElement("VersioningConfiguration", "", [XMLElement("Status", "Enabled")])
        let isVersioned = try client.configuration(.versioning)?.text("Status") == "Enabled"
        add(Self.versioning, .configuration(.versioning, versioning), isVersioned, versioning.indented())

        if settings.lock != nil {
            // No default retention: ship locks each object for itself, and others may use the bucket.
            let lock = XMLElement("ObjectLockConfiguration", "", [XMLElement("ObjectLockEnabled", "Enabled")])
            let isOn = try client.configuration(.objectLock)?.text("ObjectLockEnabled") == "Enabled"
            add("object-lock", .configuration(.objectLock, lock), isOn, lock.indented())
        }

        let lifecycle = rules.merged(with: live)
        add(Self.lifecycle, .configuration(.lifecycle, lifecycle), rules.isIn(live), lifecycle.indented())

        let policy = try client.policy().map { bytes throws(Fault) in
            do throws(Fault) { return try JSONValue.read(bytes) } catch {
                throw error.within("\(store.client.name()): its policy")
            }
        }
        let merged = policies.bucketPolicy(mergedWith: policy)
        let json = try JSONFile.encode(merged)
        add("bucket-policy", .policy(json), merged == policy, String(decoding: json, as: UTF8.self))
    }

    private mutating func add(_ name: String, _ change: Change, _ isThere: Bool, _ document: String) {
        steps.append(Step(name: name, state: isThere ? .asItIs : .open, document: document))
        changes.append(change)
    }

    /// - Throws: `unsupported` while the lifecycle has a rule that is refused.
    package func checkSafe() throws(Fault) {
        guard refused.isEmpty else {
            throw Fault(
                .unsupported,
                "\(client.name()): the lifecycle has \(refused.count == 1 ? "a rule" : "\(refused.count) rules") that would delete objects that are not retired: \(refused.map { "'\($0.id)'" }.joined(separator: ", "))",
                hint: "Remove it, disable it, or give it another prefix; then run this again. Nothing was changed.")
        }
    }

    /// Applies what is open; a step that fails keeps none of the others back, but without versions no lifecycle is applied:
    /// what it deletes could not be taken back.
    ///
    /// - Throws: `unsupported` while a rule is there that is refused; `interrupted`.
    package mutating func apply() throws(Fault) {
        try checkSafe()
        for index in steps.indices where steps[index].state == .open {
            if steps[index].name == Self.lifecycle,
                steps.contains(where: { $0.name == Self.versioning && $0.state == .failed })
            {
                (steps[index].state, steps[index].why) = (.failed, "the bucket keeps no versions")
                continue
            }
            do throws(Fault) {
                switch changes[index] {
                case .configuration(let which, let document): try client.putConfiguration(which, document)
                case .policy(let json): try client.putPolicy(json)
                }
                steps[index].state = .applied
            } catch {
                if error.code == .interrupted { throw error }
                (steps[index].state, steps[index].why) = (.failed, error.description)
            }
        }
    }
}

extension XMLElement {
    /// For people: an element a line.
    package func indented(_ depth: Int = 0) -> String {
        let space = String(repeating: "  ", count: depth)
        guard children.isEmpty else {
            let inner = children.map { $0.indented(depth + 1) }.joined(separator: "\n")
            return "\(space)<\(name)>\n\(inner)\n\(space)</\(name)>"
        }
        let plain = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        let escaped = plain.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
        return "\(space)<\(name)>\(escaped)</\(name)>"
    }
}
