import ArgumentParser
import Console
import Ledger
import Logging
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
            missing all jobs are looked at, and nothing is told when nothing is missing. What could not be told before is \
            tried again.
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
        name: .long, help: ArgumentHelp("For how many seconds a channel is tried again.", valueName: "s"))
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
            let delivery = NoticeDelivery(configuration, common, timeout: timeout, isDryRun: dryRun)
            let status = try tell(configuration, delivery)
            return max(status, try delivery.deliverLate())
        }
    }

    private func tell(_ configuration: Configuration, _ delivery: NoticeDelivery) throws(Fault) -> Int32 {
        if let unit { return try tellEnd(of: unit, configuration, delivery) }
        guard let event = event.flatMap({ NotifySettings.Event(rawValue: $0) }) else { return ExitStatus.done }
        if event == .missing { return try tellMissing(configuration, delivery) }
        guard let job, let stage = stage.flatMap({ Stage(rawValue: $0) }) else { return ExitStatus.done }
        let staging = try StagingArea.open(configuration)
        let settings = try configuration.job(job)
        try Clock.useTimeZone(settings.timezone)
        let builder = StageNotice(
            directory: try staging.job(job), job: settings, stage: stage, clock: .system, configuration: configuration)
        // What begins now has failed at nothing yet.
        let (notice, _) = try builder.make(event) { _ in event == .start }
        return try delivery.deliver(notice, settings.notify).status
    }

    /// What was remembered; what was cut or can't be read is as if nothing had been told.
    func remembered<Value: Decodable>(
        _ type: Value.Type, _ file: ByteString, in state: Directory
    ) throws(Fault) -> Value? {
        do throws(Fault) { return try JSONFile.read(type, file, in: state) } catch {
            guard error.code == .damaged else { throw error }
            common.logger().warning("\(error): so it may be told twice")
            return nil
        }
    }
}
