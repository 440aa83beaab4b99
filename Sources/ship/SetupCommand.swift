import AWS
import ArgumentParser
import Console
import Ledger
import Logging
import Platform
import Settings
import Vault
import Warehouse

/// `ship setup JOB`: what the buckets of a job should be set to, printed or applied.
struct SetupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "setup", abstract: "Print or apply how the buckets of a job should be set.",
        discussion: """
            Versioning, Object Lock, the rules of the lifecycle, a bucket policy that lets nobody delete, and the \
            identity policy that ship needs; for a warehouse its inventories and policies, too. What the bucket has is read first, and nothing of others is changed; a rule \
            that would delete objects that are not retired is shown, and nothing is applied then.
            """)

    @OptionGroup var common: CommonOptions
    @Argument(help: "The job.") var job: String
    @Option(name: .long, help: ArgumentHelp("Only this vault of the job.", valueName: "name")) var vault: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The role or user that ship has: all others are denied to replace and to tag. Default: role_arn of the vault.",
            valueName: "arn"))
    var principal: String?
    @Flag(name: .long, help: "Apply it.") var apply = false

    func validate() throws {
        if let principal, !principal.hasPrefix("arn:") {
            throw ValidationError(
                "--principal '\(principal)': expected an ARN such as arn:aws:iam::123456789012:role/ship")
        }
    }

    private struct Result: Codable {
        var vault: String
        var place: String
        var steps: [BucketSetup.Step]
        var refused: [BucketSetup.RefusedRule]
        /// The identity policy for ship.
        var shipPolicy: JSONValue
        /// Of a warehouse: what others have to allow, by what it is for.
        var warehousePolicies: [String: JSONValue]?
        /// Of a warehouse: the inventories of its source.
        var inventories: [BucketSetup.Step]?
    }

    func run() throws {
        try Door.run {
            let settings = try common.settings().job(job)
            let log = common.logger()
            let inventories = try settings.warehouse.map { warehouse throws(Fault) in
                try Self.inventories(warehouse, apply: apply, log)
            }
            var results: [Result] = []
            var faults: [Fault] = []
            for vault in try VaultOptions.vaults(of: settings, named: vault) {
                guard case .bucket(let bucket) = vault.kind else { continue }
                // One bucket's fault keeps none of the others from being set.
                do throws(Fault) {
                    let store = try OpenVault.bucketStore(bucket, log: log)
                    var setup = try BucketSetup(
                        store, bucket, grace: settings.retention.policy.grace, principal: principal ?? bucket.roleARN)
                    do throws(Fault) {
                        if apply { try setup.apply() } else { try setup.checkSafe() }
                    } catch {
                        if error.code == .interrupted { throw error }
                        faults.append(error.within("vault \(vault.name)"))
                    }
                    results.append(
                        Result(
                            vault: vault.name, place: store.description, steps: setup.steps, refused: setup.refused,
                            shipPolicy: setup.shipPolicy,
                            warehousePolicies: settings.warehouse.map {
                                Self.policies(
                                    WarehousePolicies(
                                        $0, to: bucket, region: store.region, principal: principal ?? bucket.roleARN),
                                    $0)
                            }, inventories: results.isEmpty ? inventories : nil))
                } catch {
                    if error.code == .interrupted { throw error }
                    faults.append(error.within("vault \(vault.name)"))
                }
            }
            try common.output.result(results) {
                results.isEmpty && faults.isEmpty
                    ? "no vault of the job is a bucket" : results.map(text).joined(separator: "\n\n")
            }
            for fault in faults.dropFirst() { log.error("\(fault)") }
            if let fault = faults.first { throw fault }
            let failed = results.flatMap { $0.steps + ($0.inventories ?? []) }.filter { $0.state == .failed }
            for step in failed { log.error("\(step.name): \(step.why ?? "")") }
            return failed.isEmpty ? ExitStatus.done : ExitStatus.partial
        }
    }

    /// The inventories of the source, which is the same for every vault.
    private static func inventories(_ warehouse: WarehouseSettings, apply: Bool, _ log: Logger) throws(Fault)
        -> [BucketSetup.Step]
    {
        let source = try OpenVault.bucketClient(warehouse.source, requests: 8, log: log)
        var steps: [BucketSetup.Step] = []
        for place in warehouse.inventories {
            var setup = try InventorySetup(source, place, isOnly: warehouse.inventories.count == 1)
            if apply { try setup.apply() }
            steps.append(setup.step)
        }
        return steps
    }

    private static func policies(_ policies: WarehousePolicies, _ settings: WarehouseSettings) -> [String: JSONValue] {
        var documents = [
            "bucket policy of the source \(settings.source.bucket), which its account attaches": policies
                .sourceBucketPolicy,
            "identity policy for collect and ship besides, to read inventories and source, and to make jobs": policies
                .shipPolicy,
        ]
        for place in settings.inventories {
            documents["bucket policy of \(place.bucket), by which S3 delivers inventories there"] =
                policies.inventoryBucketPolicy(place)
        }
        documents["policy of the role of S3 Batch Operations"] = policies.batchRolePolicy
        documents["trust policy of the role of S3 Batch Operations"] = policies.batchTrustPolicy
        return documents
    }

    private func text(_ result: Result) -> String {
        var blocks = ["vault \(result.vault), \(result.place)"]
        for rule in result.refused {
            blocks.append("REFUSED: rule '\(rule.id)' would delete objects that are not retired\n\(rule.document)")
        }
        for step in result.steps + (result.inventories ?? []) {
            let state =
                switch step.state {
                case .asItIs: "is so already"
                case .open: "is not so yet" + (step.why.map { ": \($0)" } ?? "")
                case .applied: "applied"
                case .failed: "FAILED: \(step.why ?? "")"
                }
            blocks.append(
                step.state == .asItIs || step.document.isEmpty
                    ? "\(step.name): \(state)" : "\(step.name): \(state)\n\(step.document)")
        }
        let policy = (try? JSONFile.encode(result.shipPolicy)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        blocks.append("identity policy for ship, which you attach to its role or user:\n\(policy)")
        for (name, document) in (result.warehousePolicies ?? [:]).sorted(by: { $0.key < $1.key }) {
            let json = (try? JSONFile.encode(document)).map { String(decoding: $0, as: UTF8.self) } ?? ""
            blocks.append("\(name):\n\(json)")
        }
        return blocks.joined(separator: "\n\n")
    }
}
