import Console
import Ledger
import Logging
import Notify
import Platform
import Settings
import Staging

/// Tells notices to the channels of the settings, and keeps what could not be told for the next time.
struct NoticeDelivery {
    /// What came of a notice.
    struct Outcome: Codable {
        var event: String?
        /// The names of the channels.
        var told: [String] = []
        var failed: [String] = []
        var why: String?

        var status: Int32 { failed.isEmpty ? ExitStatus.done : ExitStatus.failed }
    }

    let configuration: Configuration
    let common: CommonOptions
    /// For how many seconds a channel is tried again.
    let timeout: Int
    /// True to print what would be told.
    let isDryRun: Bool
    /// Channels that could not be told: what follows is kept for them at once, or one that hangs would take the time of all.
    private let lost = Monitor<Set<String>>([])

    init(_ configuration: Configuration, _ common: CommonOptions, timeout: Int, isDryRun: Bool) {
        self.configuration = configuration
        self.common = common
        self.timeout = timeout
        self.isDryRun = isDryRun
    }

    /// Says why nobody is told anything.
    func say(_ text: String) throws(Fault) -> Int32 {
        try common.output.result(Outcome(why: text)) { text }
        return ExitStatus.done
    }

    /// Tells the channels of a notice's event.
    ///
    /// - Throws: the system's fault, where it can't be kept for those that could not be told.
    func deliver(_ notice: Notice, _ notify: NotifySettings) throws(Fault) -> Outcome {
        let names = notify.channels[notice.event] ?? []
        if isDryRun {
            let text = NoticeText(notice, bytes: Figures.bytes)
            let told =
                names.isEmpty
                ? "nobody, since [notify] has no '\(notice.event.rawValue)'" : names.joined(separator: ", ")
            try common.output.result(notice) { "To: \(told)\nSubject: \(text.subject)\n\n\(text.body)" }
            return Outcome(event: notice.event.rawValue)
        }
        let failed = send(notice, names, Backoff(base: 1, cap: 15, deadline: Double(timeout)))
        let kept = failed.filter { configuration.channels[$0]?.isForPeople ?? false }
        if !kept.isEmpty { try undelivered().keep(notice, for: kept) }
        let outcome = Outcome(
            event: notice.event.rawValue, told: names.filter { !failed.contains($0) }, failed: failed)
        try common.output.result(outcome) { Self.text(outcome, notice) }
        return outcome
    }

    private static func text(_ outcome: Outcome, _ notice: Notice) -> String {
        let what = "\(notice.event.rawValue) of \(notice.stage) \(notice.job)"
        if outcome.told.isEmpty, outcome.failed.isEmpty {
            return "nobody was told of \(what), since [notify] has no '\(notice.event.rawValue)'"
        }
        return
            (outcome.told.isEmpty
            ? "nobody was told of \(what)" : "told \(outcome.told.joined(separator: ", ")) of \(what)")
            + (outcome.failed.isEmpty ? "" : "; could not tell \(outcome.failed.joined(separator: ", "))")
    }

    /// Tells what could not be told before.
    ///
    /// - Returns: the exit status.
    func deliverLate() throws(Fault) -> Int32 {
        if isDryRun { return ExitStatus.done }
        let isTold = try undelivered().deliver(to: Set(configuration.channels.keys)) { notice, names in
            // One try: whoever could not be told for hours is tried again by the next one who comes here.
            send(notice, names, Backoff(base: 0, cap: 0, deadline: 0, leastTries: 1))
        }
        return isTold ? ExitStatus.done : ExitStatus.failed
    }

    private func undelivered() throws(Fault) -> UndeliveredNotices {
        UndeliveredNotices(try Directory.create(configuration.state), log: common.logger())
    }

    /// - Returns: the names of the channels that could not be told.
    private func send(_ notice: Notice, _ names: [String], _ backoff: Backoff) -> [String] {
        let log = common.logger()
        let sender = "\(ProcessIdentity.user)@\(notice.host)"
        var channels: [any NoticeChannel] = []
        var failed = lost.with { lost in names.filter(lost.contains) }
        for name in names where !failed.contains(name) {
            guard let settings = configuration.channels[name] else { continue }
            do { channels.append(try settings.channel(sender: sender, clock: .system, log: log)) } catch {
                failed.append(name)
                log.tell(.warning, "channel \(name): \(error)", hint: error.hint)
            }
        }
        failed += Delivery(channels, backoff: backoff, log: log).send(notice)
        lost.with { $0.formUnion(failed) }
        return names.filter(failed.contains)
    }
}
