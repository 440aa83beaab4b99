import ArgumentParser
import Codec
import Console
import Ledger
import Logging
import Notify
import Platform
import Settings
import Staging

/// `ship notify`: tells people and machines how a stage ended, or what is missing.
struct NotifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notify", abstract: "Tell how a stage ended, or what is missing.",
        discussion: """
            Tells the channels of [notify] in coldchain.toml(5). With --unit, as coldchain-notify@.service runs it, what is \
            told follows from how systemd says that the unit ended; what was told before is not told again. With --event \
            missing all jobs are looked at, and nothing is told when nothing is missing.
            """)

    @OptionGroup var common: CommonOptions
    @Option(
        name: .long, help: ArgumentHelp("start, success, partial, failure or missing.", valueName: "event"),
        completion: .list(NotifySettings.Event.allCases.map(\.rawValue)))
    var event: String?
    @Option(name: .long, help: ArgumentHelp("The job.", valueName: "job")) var job: String?
    @Option(name: .long, help: ArgumentHelp("The stage: collect, pack or ship.", valueName: "stage")) var stage: String?
    @Option(name: .long, help: ArgumentHelp("The unit that ended, coldchain-STAGE@JOB.service.", valueName: "unit"))
    var unit: String?
    @Option(
        name: .long, help: ArgumentHelp("For how many seconds a channel is tried again. Default: 90.", valueName: "s"))
    var timeout = 90
    @Flag(name: .long, help: "Print what would be told, and tell nobody.") var dryRun = false

    func validate() throws {
        if (unit == nil) == (event == nil) { throw ValidationError("give --event or --unit") }
        if unit != nil, job != nil || stage != nil { throw ValidationError("--unit excludes --job and --stage") }
        if !(0...3_600).contains(timeout) { throw ValidationError("--timeout: expected 0 to 3600 seconds") }
        if let event, NotifySettings.Event(rawValue: event) == nil {
            throw ValidationError("--event '\(event)': expected start, success, partial, failure or missing")
        }
        if let stage, Stage(rawValue: stage) == nil {
            throw ValidationError("--stage '\(stage)': expected collect, pack or ship")
        }
        if let event, event != NotifySettings.Event.missing.rawValue, job == nil || stage == nil {
            throw ValidationError("--event \(event) needs --job and --stage")
        }
    }

    func run() throws {
        try Door.run {
            let configuration = try common.settings()
            if let unit { return try tellEnd(of: unit, configuration) }
            guard let event = event.flatMap({ NotifySettings.Event(rawValue: $0) }) else { return ExitStatus.done }
            if event == .missing { return try tellMissing(configuration) }
            let staging = try StagingArea.open(configuration)
            guard let job, let stage = stage.flatMap({ Stage(rawValue: $0) }) else { return ExitStatus.done }
            let settings = try configuration.job(job)
            try Clock.useTimeZone(settings.timezone)
            let notice = try StageNotice(
                directory: try staging.job(job), job: settings, stage: stage, clock: .system,
                configuration: configuration
                    // What begins now has failed at nothing yet.
            ).make(event, after: event == .start ? Self.always : nil)
            return try deliver(notice, settings.notify, configuration).status
        }
    }

    /// Tells how a unit ended; that it ended is told even where nothing can be learnt on staging.
    private func tellEnd(of unit: String, _ configuration: Configuration) throws(Fault) -> Int32 {
        var environment: [String: String] = [:]
        for name in ["SERVICE_RESULT", "EXIT_CODE", "EXIT_STATUS", "INVOCATION_ID"] {
            environment["MONITOR_" + name] = SecretSource.environmentVariable("MONITOR_" + name)
        }
        guard let end = MonitoredEnd(unit: unit, environment: environment) else {
            throw Fault(.usage, "--unit '\(unit)': expected coldchain-STAGE@JOB.service")
        }
        guard let event = end.event else { return try say("nothing to tell: \(unit) is to be tried later") }
        var notify = configuration.notify
        var notice = Notice(
            event: event, tier: notify.tier(of: event), host: ProcessIdentity.host, job: end.job, stage: end.task,
            at: Clock.system.now().rfc3339)
        var told: (() throws(Fault) -> Void)?
        do throws(Fault) {
            let job = try configuration.job(end.job)
            notify = job.notify
            notice.tier = notify.tier(of: event)
            try Clock.useTimeZone(job.timezone)
            guard let stage = end.stage else {
                notice.end = end.text ?? "done"
                notice.rerun = event == .success ? [] : ["ship \(end.task) \(job.name)"]
                return try tellLines(of: end, notice, notify, configuration).status
            }
            let staging = try StagingArea.open(configuration)
            let directory = try staging.job(job.name)
            let file = ByteString("notified.\(job.name).\(stage.rawValue).json")
            let before = try remembered(file, in: staging.state)?.until
            notice = try StageNotice(
                directory: directory, job: job, stage: stage, clock: .system, configuration: configuration
            ).make(event, after: before)
            // Nothing that was not told: a start that found nothing to do, or the same unit looked at once more.
            if event != .failure, notice.runs.isEmpty, end.text == nil {
                return try say("nothing to tell: \(unit) has worked on nothing since it was last told of")
            }
            let until = try newestEnd(directory, stage) ?? before
            told = { () throws(Fault) in try JSONFile.write(Told(until: until), to: file, in: staging.state) }
        } catch {
            notice.missing.append("\(error)")
        }
        notice.end = end.text
        let outcome = try tellLines(of: end, notice, notify, configuration)
        // What reached nobody is told again with the next end.
        if !dryRun, outcome.isDelivered(configuration) { try told?() }
        return outcome.status
    }

    /// Later than the end of every attempt.
    private static let always = "9999"

    /// What was told last; what was cut or can't be read is as if nothing had been told.
    private func remembered(_ file: ByteString, in state: Directory) throws(Fault) -> Told? {
        do throws(Fault) { return try JSONFile.read(Told.self, file, in: state) } catch {
            guard error.code == .damaged else { throw error }
            common.logger().warning("\(error): so it may be told twice")
            return nil
        }
    }

    /// Tells it with what the unit said last; a stage that ended well has nothing to add to its record.
    private func tellLines(
        of end: MonitoredEnd, _ notice: Notice, _ notify: NotifySettings, _ configuration: Configuration
    ) throws(Fault) -> Outcome {
        var notice = notice
        if let invocation = end.invocation, notice.event != .success || end.stage == nil {
            notice.lines = JournalLines.last(20, invocation: invocation)
        }
        return try deliver(notice, notify, configuration)
    }

    /// What is said where nobody is told anything.
    private func say(_ text: String) throws(Fault) -> Int32 {
        try common.output.result(Outcome(event: nil, told: [], failed: [], why: text)) { text }
        return ExitStatus.done
    }

    /// What came of a notice.
    private struct Outcome: Codable {
        var event: String?
        /// The names of the channels.
        var told: [String]
        var failed: [String]
        var why: String?

        var status: Int32 { failed.isEmpty ? ExitStatus.done : ExitStatus.failed }

        /// Whether it reached somebody who was to be told: figures alone wake nobody.
        func isDelivered(_ configuration: Configuration) -> Bool {
            failed.isEmpty
                || told.contains { name in
                    switch configuration.channels[name]?.kind {
                    case .textfile, .cloudWatch, nil: false
                    case .mail, .slack, .webhook, .ping: true
                    }
                }
        }
    }

    /// What was told last of a stage, in the state directory: `notified.JOB.STAGE.json`.
    private struct Told: Codable {
        /// The end of the newest attempt that was told.
        var until: String?
        /// When something missing was told, and what.
        var at: Int64?
        var missing: [String]?
        /// The channels that could not be told of it.
        var failed: [String]?
    }

    private func newestEnd(_ directory: JobDirectory, _ stage: Stage) throws(Fault) -> String? {
        var newest: String?
        for date in try directory.runs() {
            guard let record = try directory.run(date)?.stageRecord(stage) else { continue }
            newest = max(newest ?? "", record.finishedAt ?? record.startedAt)
        }
        return newest
    }

    /// Looks at all jobs, or the one that is named; what is wrong with one keeps no other from being looked at.
    private func tellMissing(_ configuration: Configuration) throws(Fault) -> Int32 {
        // Without it nobody knows what was told before, and it is told again.
        let state = try? Directory.create(configuration.state)
        var status = ExitStatus.done
        let names: [String]
        if let job { names = [job] } else { names = try configuration.jobNames() }
        for name in names {
            do throws(Fault) { status = max(status, try tellMissing(name, configuration, state)) } catch {
                if error.code == .interrupted { throw error }
                common.logger().error("job '\(name)': \(error)\(error.hint.map { " HINT: \($0)" } ?? "")")
                status = max(status, ExitStatus.failed)
            }
        }
        return status
    }

    private func tellMissing(_ name: String, _ configuration: Configuration, _ state: Directory?) throws(Fault)
        -> Int32
    {
        var notify = configuration.notify
        var notice = Notice(
            event: .missing, tier: notify.tier(of: .missing), host: ProcessIdentity.host, job: name,
            stage: Stage.ship.rawValue,
            at: Clock.system.now().rfc3339)
        do throws(Fault) {
            let job = try configuration.job(name)
            notify = job.notify
            try Clock.useTimeZone(job.timezone)
            // Staging that is not mounted is told, too.
            let staging = try StagingArea.open(configuration)
            let builder = StageNotice(
                directory: try staging.job(name), job: job, stage: .ship, clock: .system, configuration: configuration)
            var missing = try builder.missing(
                overdue: notify.overdue, since: try configuration.jobFileModified(name))
            // Attempts are not told here, but backlog and figures are.
            notice = try builder.make(.missing, after: Self.always)
            if let growth = try BacklogGrowth.look(
                notice.backlog?.runs ?? 0, of: name, in: staging.state, isNoted: !dryRun)
            {
                missing.append(growth)
            }
            notice.missing = missing
            notice.rerun = missing.isEmpty ? [] : Stage.allCases.map { "\($0.rawValue) \(name)" }
        } catch {
            // A job that can't run has no runs tonight; the other jobs are looked at all the same.
            notice.missing.append("\(error)")
        }
        let file = ByteString("notified.\(name)._missing.json")
        if notice.missing.isEmpty {
            if !dryRun { try state?.removeIfPresent(file) }
            return try say("job '\(name)': nothing is missing")
        }
        let now = Clock.system.now().seconds
        // The same again only after a day, but for channels that could not be told of it.
        var (at, only) = (now, nil as Set<String>?)
        if !dryRun, let state, let told = try remembered(file, in: state), told.missing == notice.missing,
            let before = told.at, now - before < 86_400, now >= before
        {
            guard let failed = told.failed, !failed.isEmpty else {
                return try say("job '\(name)': what is missing was told within the last day")
            }
            (at, only) = (before, Set(failed))
        }
        let outcome = try deliver(notice, notify, configuration, only: only)
        if !dryRun, let state, only != nil || outcome.isDelivered(configuration) {
            try JSONFile.write(Told(at: at, missing: notice.missing, failed: outcome.failed), to: file, in: state)
        }
        return outcome.status
    }

    /// Tells the channels of an event, or these of them alone.
    private func deliver(
        _ notice: Notice, _ notify: NotifySettings, _ configuration: Configuration, only: Set<String>? = nil
    ) throws(Fault) -> Outcome {
        if dryRun {
            let text = NoticeText(notice, bytes: Figures.bytes)
            let names = notify.channels[notice.event] ?? []
            let told =
                names.isEmpty
                ? "nobody, since [notify] has no '\(notice.event.rawValue)'" : names.joined(separator: ", ")
            try common.output.result(notice) { "To: \(told)\nSubject: \(text.subject)\n\n\(text.body)" }
            return Outcome(event: notice.event.rawValue, told: [], failed: [], why: nil)
        }
        let log = common.logger()
        let sender = "\(ProcessIdentity.user)@\(notice.host)"
        var channels: [any NoticeChannel] = []
        var failed: [String] = []
        for name in notify.channels[notice.event] ?? [] where only?.contains(name) ?? true {
            guard let settings = configuration.channels[name] else { continue }
            do { channels.append(try settings.channel(sender: sender, clock: .system, log: log)) } catch {
                failed.append(name)
                log.warning("channel \(name): \(error)\(error.hint.map { " HINT: \($0)" } ?? "")")
            }
        }
        failed += Delivery(channels, backoff: Backoff(base: 1, cap: 15, deadline: Double(timeout)), log: log).send(
            notice)
        let told = channels.map(\.name).filter { !failed.contains($0) }
        let what = "\(notice.event.rawValue) of \(notice.stage) \(notice.job)"
        let outcome = Outcome(event: notice.event.rawValue, told: told, failed: failed, why: nil)
        try common.output.result(outcome) {
            if told.isEmpty, failed.isEmpty {
                return "nobody was told of \(what), since [notify] has no '\(notice.event.rawValue)'"
            }
            return (told.isEmpty ? "nobody was told of \(what)" : "told \(told.joined(separator: ", ")) of \(what)")
                + (failed.isEmpty ? "" : "; could not tell \(failed.joined(separator: ", "))")
        }
        return outcome
    }
}
