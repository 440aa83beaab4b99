import ArgumentParser
import Console
import Ledger
import Logging
import Platform
import Retention
import Settings
import Staging
import Vault

/// `ship hold JOB`: legal holds, which keep a tenant's archives whatever the policy says.
struct HoldCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hold", abstract: "Set, list or end legal holds.",
        discussion: """
            A hold keeps all runs with entries of a tenant, whatever [retention] says; what was marked for deletion of \
            them comes back at once, and what else their runs need with the next prune. In a bucket with Object Lock the \
            objects get a legal hold of S3, too. Without --tenant the holds are listed. A hold that is set again is \
            replaced, and covers what was shipped since.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var options: JobOptions
    @Flag(name: .long, help: "Take over a lock that another server holds.") var breakLock = false
    @Option(name: .long, help: ArgumentHelp("The tenants.", valueName: "glob")) var tenant: String?
    @Option(
        name: .long, help: ArgumentHelp("The last day of the hold; without it the hold has no end.", valueName: "date"))
    var until: String?
    @Option(name: .long, help: ArgumentHelp("Who ordered it and why.", valueName: "text")) var why: String?
    @Flag(name: .long, help: "End the hold of --tenant; --why is required, too.") var release = false

    func validate() throws {
        if let until, CivilDate(until) == nil {
            throw ValidationError("--until '\(until)': expected a date such as 2026-11-20")
        }
        if tenant == nil, until != nil || why != nil || release {
            throw ValidationError("--until, --why and --release need --tenant")
        }
        if tenant != nil, why?.isEmpty ?? true { throw ValidationError("--why: say who ordered it, and why") }
        if release && until != nil { throw ValidationError("--release excludes --until") }
    }

    private struct Result: Codable {
        var holds: [LegalHold]
        var vaults: [VaultPrune.HoldOutcome]
    }

    func run() throws {
        try Door.run {
            let context = try options.context(common, breakingLock: breakLock)
            guard let tenant, let why else {
                let holds = try HoldList.read(context.directory).holds
                try common.output.result(Result(holds: holds, vaults: [])) { text(holds) }
                return ExitStatus.done
            }
            let lock = try context.directory.lockLedger(breaking: context.request.breakLock)
            defer { withExtendedLifetime(lock) {} }
            // Under the lock: another one may just have been set.
            var list = try HoldList.read(context.directory)
            let now = context.clock.now()
            let last = until.flatMap { CivilDate($0) }
            if let last, last < context.clock.today {
                throw Fault(.usage, "--until \(last): that day is over, so the hold would keep nothing")
            }
            let before = list.holds.filter { $0.tenant == tenant }
            guard !release || !before.isEmpty else {
                throw Fault(
                    .notFound, "job '\(context.job.name)' has no hold of tenant '\(tenant)'",
                    hint: "'ship hold \(context.job.name)' lists the holds.")
            }
            let hold = LegalHold(
                tenant: tenant, until: last, why: why, since: now.rfc3339,
                by: "\(ProcessIdentity.user)@\(ProcessIdentity.host)")
            let others = list.holds.filter { $0.tenant != tenant }
            var line = AuditLine(
                release ? .endHold : .hold, job: context.job.name, stage: .ship, batch: RandomID.make(), at: now,
                why: [why] + (last.map { ["until \($0)"] } ?? []))
            line.tenants = [tenant]
            line.until = last?.description
            try AuditLog(context.directory, .ship).append([line])
            // A hold is in force before the stores know of it; one that ends is so until they have let go.
            list.holds = others + [hold]
            if !release { try list.write(context.directory) }
            let outcomes = try apply(hold, others, line, context)
            if release {
                guard outcomes.allSatisfy(\.failed.isEmpty), try tellVaults(line, context) else {
                    return ExitStatus.partial
                }
                list.holds = others
                try list.write(context.directory)
            }
            try common.output.result(Result(holds: list.holds, vaults: outcomes)) {
                ([text(list.holds)] + outcomes.map(Self.text)).joined(separator: "\n")
            }
            return outcomes.allSatisfy(\.failed.isEmpty) ? ExitStatus.done : ExitStatus.partial
        }
    }

    /// Tells each vault; one that can't be reached fails the command, and the hold stands all the same.
    private func apply(_ hold: LegalHold, _ others: [LegalHold], _ line: AuditLine, _ context: StageContext)
        throws(Fault) -> [VaultPrune.HoldOutcome]
    {
        var outcomes: [VaultPrune.HoldOutcome] = []
        for settings in context.job.vaults {
            do throws(Fault) {
                let vault = try OpenVault.forWriting(settings, state: context.staging.state, log: context.log)
                if !release { try Self.put(line, vault) }
                let released = try release ? Releasing.Result() : released(hold, vault, context)
                let prune = VaultPrune(
                    vault, of: context.directory,
                    open: try OpenRuns(
                        context.directory, vaults: context.job.vaults.map(\.name),
                        isWarehouse: context.job.kind == .warehouse),
                    cache: try ReferenceCache(context.staging.state, job: context.job.name),
                    .init(policy: context.job.retention.policy), clock: context.clock, log: context.log)
                var outcome: VaultPrune.HoldOutcome
                if let warehouse = context.job.warehouse {
                    outcome = try DatabasePrune(prune, settings, vault, warehouse, context)
                        .setHolds(!release, hold, others: others)
                } else {
                    outcome = try prune.setHolds(!release, hold, others: others)
                }
                let count = released.taken.values.filter { $0 != .gone }.count
                if count > 0 { outcome.released = count }
                outcome.failed += released.failed
                for failure in outcome.failed { context.log.error("\(failure.object): \(failure.why)") }
                outcomes.append(outcome)
            } catch {
                if error.code == .interrupted { throw error }
                context.log.tell(.error, "vault \(settings.name): \(error)", hint: error.hint)
                var outcome = VaultPrune.HoldOutcome(vault: settings.name)
                outcome.failed = [.init(object: settings.name, why: error.description)]
                outcomes.append(outcome)
            }
        }
        return outcomes
    }

    /// Takes back what the vault was to delete of the tenant, hidden by a delete marker or not: until the next prune its rules
    /// could act.
    private func released(_ hold: LegalHold, _ vault: OpenVault, _ context: StageContext) throws(Fault)
        -> Releasing.Result
    {
        var departures = try Departures(vault, of: context.directory)
        let marked = departures.filter { $0.state != .quarantined && hold.covers(anyOf: $0.tenants) }
        return try Undo(vault, of: context.directory).carryOut(
            marked.sorted { $0.key < $1.key }, &departures, as: .release, why: "hold: \(hold.why)")
    }

    /// Tells the vaults that a hold is over, once all of them have let go: from what they tell a new server learns which
    /// holds are in force.
    ///
    /// - Returns: false when one could not be told; the hold stands then.
    private func tellVaults(_ line: AuditLine, _ context: StageContext) throws(Fault) -> Bool {
        for settings in context.job.vaults {
            do throws(Fault) {
                try Self.put(
                    line, try OpenVault.forWriting(settings, state: context.staging.state, log: context.log))
            } catch {
                if error.code == .interrupted { throw error }
                context.log.tell(.error, "vault \(settings.name): \(error)", hint: error.hint)
                return false
            }
        }
        return true
    }

    private static func put(_ line: AuditLine, _ vault: OpenVault) throws(Fault) {
        try AuditLog.put(
            [line], batch: line.batch, at: try vault.store.moment(), VaultLayout(job: line.job), vault.store)
    }

    private func text(_ holds: [LegalHold]) -> String {
        if holds.isEmpty { return "no holds" }
        var table = TextTable(["TENANT", "UNTIL", "SINCE", "BY", "WHY"])
        for hold in holds {
            table.add([
                hold.tenant, hold.until ?? "-", hold.since.flatMap { Timestamp(rfc3339: $0) }?.local ?? "",
                hold.by ?? "", hold.why,
            ])
        }
        return table.text
    }

    private static func text(_ outcome: VaultPrune.HoldOutcome) -> String {
        let held =
            outcome.isSupported
            ? Figures.count(Int64(outcome.objects), "object", "objects")
            : "has no holds of its own; coldchain keeps what the hold covers"
        return "\(outcome.vault): \(held)"
            + (outcome.failed.isEmpty ? "" : ", \(outcome.failed.count) failed")
            + (outcome.missing > 0 ? ", \(outcome.missing) not there" : "")
            + (outcome.released.map { ", \($0) taken back" } ?? "")
    }
}
