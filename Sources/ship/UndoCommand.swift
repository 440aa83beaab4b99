import ArgumentParser
import Console
import Ledger
import Logging
import Platform
import Retention
import Settings
import Staging
import Vault

/// `ship undo JOB ...`: takes back what prune has begun.
struct UndoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undo", abstract: "Take back what prune has begun.",
        discussion: """
            Objects that are in quarantine, retired, or hidden by a delete marker of the lifecycle come back, as long as \
            the vault has them. With a run its archives come back, with an archive the manifests that name it. Without \
            a choice it lists what can be taken back.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var options: JobOptions
    @Flag(name: .long, help: "Take over a lock that another server holds.") var breakLock = false
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Only what was decided in this batch.", valueName: "id"))
    var batch: [String] = []
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Only objects that match; can be given several times.", valueName: "glob"))
    var object: [String] = []
    @Option(name: .customLong("run"), help: ArgumentHelp("Only the run of this data date.", valueName: "date"))
    var date: String?
    @Option(name: .long, help: ArgumentHelp("Only tenants that match.", valueName: "glob")) var tenant: String?
    @Flag(name: .long, help: "Everything.") var all = false
    @Option(name: .long, help: ArgumentHelp("Only this vault of the job.", valueName: "name")) var vault: String?
    @Option(name: .long, help: ArgumentHelp("The reason, for the audit log.", valueName: "text")) var why: String?
    @Flag(name: [.customShort("d"), .long], help: "Print what would come back, and change nothing.") var dryRun = false

    func validate() throws {
        if let date, CivilDate(date) == nil {
            throw ValidationError("--run '\(date)': expected a date such as 2026-11-20")
        }
        if all && isChosen { throw ValidationError("--all excludes --batch, --object, --run and --tenant") }
    }

    private var isChosen: Bool { !batch.isEmpty || !object.isEmpty || date != nil || tenant != nil }

    func run() throws {
        try Door.run {
            let context = try options.context(common, breakingLock: breakLock)
            if !all && !isChosen { return try UndoListing(context, vault: vault).print(common.output) }
            let lock =
                dryRun ? nil : try context.directory.lockLedger(breaking: context.request.breakLock)
            defer { withExtendedLifetime(lock) {} }
            var selection = Undo.Selection()
            selection.batches = batch
            selection.objects = object.map { Glob($0) }
            selection.run = date.flatMap { CivilDate($0) }
            selection.tenant = tenant.map { Glob($0) }
            var lines: [UndoLine] = []
            var faults: [Fault] = []
            var isIncomplete = false
            for settings in try VaultOptions.vaults(of: context.job, named: vault) {
                // A vault that is away keeps nothing in the others from coming back.
                do throws(Fault) {
                    isIncomplete = try undo(settings, context, selection, &lines) || isIncomplete
                } catch {
                    if error.code == .interrupted { throw error }
                    faults.append(error.within("vault \(settings.name)"))
                }
            }
            for fault in faults.dropFirst() { context.log.tell(.error, "\(fault)", hint: fault.hint) }
            if let fault = faults.first {
                if lines.isEmpty { throw fault }
                context.log.tell(.error, "\(fault)", hint: fault.hint)
                isIncomplete = true
            }
            if lines.isEmpty, isChosen {
                throw Fault(
                    .notFound, "job '\(context.job.name)' has nothing on its way out that was chosen",
                    hint: "'ship undo \(context.job.name)' lists what can be taken back.")
            }
            try common.output.result(lines) { text(lines) }
            if !dryRun, !lines.isEmpty {
                context.log.notice(
                    "the next prune decides anew; 'ship hold \(context.job.name) --tenant T' or another policy keeps what shall stay"
                )
            }
            return isIncomplete ? ExitStatus.partial : ExitStatus.done
        }
    }

    /// Takes back in one vault, or tells what could be.
    ///
    /// - Returns: whether something failed, or is gone.
    private func undo(
        _ settings: VaultSettings, _ context: StageContext, _ selection: Undo.Selection, _ lines: inout [UndoLine]
    ) throws(Fault) -> Bool {
        let vault = try OpenVault.forWriting(settings, state: context.staging.state, log: context.log)
        var departures = try Departures(vault, of: context.directory)
        let undo = Undo(vault, of: context.directory)
        let plan = try undo.plan(selection, departures)
        var result = Releasing.Result()
        if !dryRun { result = try undo.carryOut(plan.departures, &departures, why: why) }
        for failure in plan.unread + result.failed { context.log.error("\(failure.object): \(failure.why)") }
        let failed = Set(result.failed.map(\.object))
        lines += plan.departures.map { departure in
            var line = UndoLine(departure, vault.name)
            line.result =
                result.taken[departure.key].map { Self.word($0, departure.state) }
                ?? (failed.contains(departure.key) ? "failed" : nil)
            return line
        }
        return !result.failed.isEmpty || !plan.unread.isEmpty || result.taken.values.contains(.gone)
    }

    private static func word(_ taken: TakenBack, _ state: Departure.State) -> String {
        switch taken {
        case .gone: "is gone for good"
        case .uncovered: "back, its delete marker is removed"
        case .unmarked, .wasLive: "back"
        }
    }

    private func text(_ lines: [UndoLine]) -> String {
        if lines.isEmpty { return UndoLine.nothing }
        var table = TextTable(UndoLine.heading, right: UndoLine.right)
        for line in lines { table.add(line.cells + [line.result ?? "would come back"]) }
        return table.text
    }
}
