import Console
import Ledger
import Notify
import Platform
import Settings
import Staging

extension NotifyCommand {
    /// Lines of the journal that are told.
    private static let lines = 20

    /// Tells how a unit ended; that it ended is told even where nothing can be learnt on staging.
    func tellEnd(
        of unit: String, _ configuration: Configuration, _ delivery: NoticeDelivery
    ) throws(Fault) -> Int32 {
        var environment: [String: String] = [:]
        for name in ["SERVICE_RESULT", "EXIT_CODE", "EXIT_STATUS", "INVOCATION_ID"] {
            environment["MONITOR_" + name] = SecretSource.environmentVariable("MONITOR_" + name)
        }
        guard let end = MonitoredEnd(unit: unit, environment: environment) else {
            throw Fault(.usage, "--unit '\(unit)': expected coldchain-STAGE@JOB.service")
        }
        guard let event = end.event else { return try delivery.say("nothing to tell: \(unit) is to be tried later") }
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
            if let stage = end.stage {
                let found = try look(event, job, stage, configuration)
                notice = found.notice
                told = found.told
                // Nothing that was not told: a start that found nothing to do, or the same unit looked at once more.
                if event != .failure, notice.runs.isEmpty, end.text == nil {
                    return try delivery.say("nothing to tell: \(unit) has worked on nothing since it was last told of")
                }
            } else if event != .success {
                notice.rerun = ["ship \(end.task) \(job.name)"]
            }
        } catch {
            if error.code == .interrupted { throw error }
            notice.missing.append("\(error)")
        }
        notice.end = end.text ?? (end.stage == nil ? "done" : nil)
        // A stage that ended well has nothing to add to its record.
        if let invocation = end.invocation, event != .success || end.stage == nil {
            notice.lines = JournalLines.last(Self.lines, invocation: invocation)
        }
        let outcome = try delivery.deliver(notice, notify)
        // After that, since what is told twice does less harm than what is never told.
        if !dryRun { try told?() }
        return outcome.status
    }

    /// The attempts of a stage that were not told yet, and what remembers that they were.
    private func look(
        _ event: NotifySettings.Event, _ job: JobSettings, _ stage: Stage, _ configuration: Configuration
    ) throws(Fault) -> (notice: Notice, told: () throws(Fault) -> Void) {
        let staging = try StagingArea.open(configuration)
        let directory = try staging.job(job.name)
        let file = ByteString("notified.\(job.name).\(stage.rawValue).json")
        var told = try remembered(ToldAttempts.self, file, in: staging.state) ?? ToldAttempts()
        let builder = StageNotice(
            directory: directory, job: job, stage: stage, clock: .system, configuration: configuration)
        let (notice, records) = try builder.make(event) { told.has($0) }
        told.add(records, keeping: Set(try directory.runs().map(\.description)))
        let now = told
        return (notice, { () throws(Fault) in try JSONFile.write(now, to: file, in: staging.state) })
    }
}
