import AWS
import ArgumentParser
import Console
import Ledger
import Logging
import Platform
import Retention
import Settings
import Staging
import Vault

/// `ship prune JOB`: lets go in the vaults what nothing that is kept needs.
struct PruneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Let go in the vaults what nothing that is kept needs.",
        discussion: """
            By the job's [retention]: what no kept manifest and no open run refers to waits in quarantine for 'grace', \
            is then marked for deletion, and the bucket's lifecycle deletes it; in a directory --expire does. 'ship undo' \
            takes everything back until then. Each decision goes to the audit log.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var options: JobOptions
    @Flag(name: .long, help: "Take over a lock that another server holds.") var breakLock = false
    @Flag(name: [.customShort("d"), .long], help: "Print what would go, and why, and change nothing.") var dryRun =
        false
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "Let much of this tenant go at once; can be given several times.", valueName: "name"))
    var approve: [String] = []
    @Flag(
        name: .long, help: "In a vault that is a directory, remove what has been marked for longer than 'grace'.")
    var expire = false
    @Option(name: .long, help: ArgumentHelp("Only this vault of the job.", valueName: "name")) var vault: String?

    private struct Result: Codable {
        var plan: VaultPrunePlan?
        var vault: String
        var isDryRun: Bool
        /// How many objects were treated how.
        var done: [String: Int] = [:]
        var failed: [VaultPrune.Failure] = []
        var why: String?
    }

    func run() throws {
        try Door.run {
            let context = try options.context(common, breakingLock: breakLock)
            try context.directory.checkNotPaused(.ship)
            let chosen = try VaultOptions.vaults(of: context.job, named: vault)
            let lock = dryRun ? nil : try context.directory.lockLedger(breaking: context.request.breakLock)
            defer { withExtendedLifetime(lock) {} }
            let open = try OpenRuns(
                context.directory, vaults: context.job.vaults.map(\.name), isWarehouse: context.job.kind == .warehouse)
            let cache = try ReferenceCache(context.staging.state, job: context.job.name)
            let holds = try HoldList.read(context.directory).holds
            var results: [Result] = []
            var faults: [Fault] = []
            for settings in chosen {
                var result = Result(vault: settings.name, isDryRun: dryRun)
                do throws(Fault) { try prune(settings, context, open, cache, holds, &result) } catch {
                    if error.code == .interrupted { throw error }
                    faults.append(error.within("vault \(settings.name)"))
                    result.why = error.description
                }
                results.append(result)
            }
            if !dryRun, faults.isEmpty, vault == nil { try cache.sweep() }
            try common.output.result(results) { results.map { text($0, context) }.joined(separator: "\n\n") }
            return try status(results, faults, context)
        }
    }

    private func prune(
        _ settings: VaultSettings, _ context: StageContext, _ open: OpenRuns, _ cache: ReferenceCache,
        _ holds: [LegalHold], _ result: inout Result
    ) throws(Fault) {
        let vault = try OpenVault.forWriting(settings, state: context.staging.state, log: context.log)
        let retention = context.job.retention
        var request = VaultPrune.Request(policy: retention.policy, maxVanished: retention.maxVanished, holds: holds)
        request.approved = Set(approve)
        request.expires = expire
        if case .bucket(let bucket) = settings.kind, bucket.endpoint == nil {
            let environment = AWSEnvironment.process
            request.fees = PruneFees(
                settings, try PriceFile.load(context.configuration.prices),
                region: environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"])
        }
        let prune = VaultPrune(
            vault, of: context.directory, open: open, cache: cache, request, clock: context.clock, log: context.log)
        var departures = try Departures(vault, of: context.directory)
        let plan: VaultPrunePlan
        if let warehouse = context.job.warehouse {
            plan = try DatabasePrune(prune, settings, vault, warehouse, context).plan(departures)
        } else {
            plan = try prune.plan(departures)
        }
        result.plan = plan
        guard !dryRun else { return }
        let outcome = try prune.carryOut(plan, &departures)
        result.done = Dictionary(
            uniqueKeysWithValues: outcome.done.filter { $0.value > 0 }.map { ($0.key.rawValue, $0.value) })
        result.failed = outcome.failed
    }

    private func status(_ results: [Result], _ faults: [Fault], _ context: StageContext) throws(Fault) -> Int32 {
        for failure in results.flatMap(\.failed) { context.log.error("\(failure.object): \(failure.why)") }
        for result in results where result.plan?.lacksRule ?? false && !(result.plan?.items.isEmpty ?? true) {
            context.log.warning(
                "\(result.vault): the bucket has no rule that deletes what is retired; 'ship setup \(context.job.name) --apply' makes it"
            )
        }
        let trips = Set(results.flatMap { $0.plan?.trips ?? [] }.map(\.tenant)).sorted()
        if !trips.isEmpty, faults.isEmpty {
            let command = "ship prune \(context.job.name)" + trips.map { " --approve \($0)" }.joined()
            let groups = context.job.kind == .warehouse ? "" : trips.count == 1 ? "tenant " : "tenants "
            throw Fault(
                .limit,
                "more than 'max_vanished' would go at once of \(groups)\(trips.joined(separator: ", ")): nothing of it goes",
                hint: "Look at 'ship prune \(context.job.name) --dry-run'. If it is meant, run '\(command)'.")
        }
        if let first = faults.first {
            for fault in faults.dropFirst() { context.log.tell(.error, "\(fault)", hint: fault.hint) }
            if faults.count == results.count { throw first }
            context.log.tell(.error, "\(first)", hint: first.hint)
            return ExitStatus.partial
        }
        return results.allSatisfy(\.failed.isEmpty) ? ExitStatus.done : ExitStatus.partial
    }

    // MARK: Text

    private func text(_ result: Result, _ context: StageContext) -> String {
        guard let plan = result.plan else { return "vault \(result.vault): \(result.why ?? "")" }
        var blocks = ["vault \(plan.vault), \(plan.place)"]
        if context.job.retention.policy.keepsEverything { blocks.append("the job has no rule that lets anything go") }
        let goes = plan.runs.filter { !$0.isKept }
        if dryRun || !goes.isEmpty {
            var table = TextTable(["RUN", context.job.kind == .hosts ? "HOST" : "DATABASE", "", "WHY"])
            for run in plan.runs where dryRun || !run.isKept {
                table.add([
                    run.run, run.unit + (run.number > 1 ? " (\(run.number))" : ""), run.isKept ? "is kept" : "may go",
                    run.why.joined(separator: ", "),
                ])
            }
            if !plan.runs.isEmpty { blocks.append(table.text) }
        }
        if !plan.items.isEmpty {
            let hasFees = plan.items.contains { $0.fee != nil }
            var table = TextTable(
                ["OBJECT", "SIZE", "WRITTEN", "", "WHY"] + (hasFees ? ["FEE"] : []), right: hasFees ? [1, 5] : [1])
            for item in plan.items {
                let until = item.until.flatMap { Timestamp(rfc3339: $0) }.map { " until \($0.local)" } ?? ""
                table.add(
                    [
                        item.object, Figures.bytes(item.bytes), item.created.prefix(10).description,
                        word(item.decision), item.why.joined(separator: ", ") + until,
                    ] + (hasFees ? [item.fee.map { Figures.dollars($0) } ?? ""] : []))
            }
            blocks.append(table.text)
        }
        for trip in plan.trips {
            let group = context.job.kind == .hosts ? "tenant '\(trip.tenant)'" : "'\(trip.tenant)'"
            blocks.append("ALARM: \(trip.going) of the \(trip.all) \(plan.noun) of \(group) would go at once")
        }
        for (database, why) in (plan.undecided ?? [:]).sorted(by: { $0.key < $1.key }) {
            blocks.append(
                "\(database == "*" ? "no object begins to go" : "'\(database)': no object begins to go"): \(why)")
        }
        if let unsure = plan.unsure {
            blocks.append(
                "\(Figures.count(Int64(unsure), "object stays", "objects stay")): the source does not say that it is gone: \(plan.firstDoubt ?? "")"
            )
        }
        blocks.append(summary(plan))
        return blocks.joined(separator: "\n")
    }

    private func word(_ decision: VaultPrunePlan.Decision) -> String {
        switch (decision, dryRun) {
        case (.keep, _): "is kept"
        case (.wait, _): "waits"
        case (.leave, _): "is retired"
        case (.gone, _): "is gone"
        case (.release, true): "would be released"
        case (.quarantine, true): "would be quarantined"
        case (.retire, true): "would be retired"
        case (.expire, true): "would be removed"
        case (.release, false): "released"
        case (.quarantine, false): "quarantined"
        case (.retire, false): "retired"
        case (.expire, false): "removed"
        }
    }

    /// As ``word(_:)``, of any number.
    private func sumWord(_ decision: VaultPrunePlan.Decision) -> String {
        switch decision {
        case .wait: "waiting"
        case .leave: "retired before"
        case .gone: "gone"
        default: word(decision)
        }
    }

    private func summary(_ plan: VaultPrunePlan) -> String {
        var parts = ["\(Figures.count(Int64(plan.kept), "object", "objects")) kept, \(Figures.bytes(plan.keptBytes))"]
        for decision in [VaultPrunePlan.Decision.quarantine, .wait, .retire, .leave, .expire, .release, .gone] {
            let items = plan.items(decision)
            let isCut = decision == .leave
            let count = items.count + (isCut ? plan.leaving ?? 0 : 0)
            guard count > 0 else { continue }
            let bytes = items.reduce(isCut ? plan.leavingBytes ?? 0 : 0) { $0 + $1.bytes }
            parts.append("\(count) \(sumWord(decision)), \(Figures.bytes(bytes))")
        }
        if let waiting = plan.waiting, waiting > 0 {
            parts.append("\(Figures.count(Int64(waiting), "object waits", "objects wait"))")
        }
        let fees = plan.items.filter { [.retire, .expire].contains($0.decision) }.compactMap(\.fee).reduce(0, +)
        if fees > 0 { parts.append("about \(Figures.dollars(fees)) for deleting early") }
        if plan.unknown > 0 {
            parts.append(
                "\(Figures.count(Int64(plan.unknown), String(plan.noun.dropLast()), plan.noun)) that no manifest names left alone"
            )
        }
        return parts.joined(separator: "; ")
    }
}
