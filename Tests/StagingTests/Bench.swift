import Codec
import Ledger
import Logging
import Platform
import Settings
import Staging
import TestSupport

/// A staging area of a test with one job, and a clock that the test sets.
struct Bench: Sendable {
    let top: TemporaryDirectory
    let configuration: Configuration

    /// Noon of 2026-11-21 in UTC.
    static let now = Timestamp(seconds: 1_795_262_400)
    static let date = CivilDate(dayNumber: 20_777)  // 2026-11-20

    static let dated = """
        kind = "hosts"
        vault = "disk"
        timezone = "UTC"
        catch_up = "3 days"
        hosts = ["web1", "web2"]
        path = "file:///mnt/{host}/{yyyy}{mm}{dd}"

        """

    init(_ job: String = dated, staging: String? = nil) throws {
        top = try TemporaryDirectory()
        let tree = try TreeBuilder(top.path)
        try tree.directory("staging")
        try tree.file(
            "coldchain.toml",
            text: """
                staging = "\(top.path)/\(staging ?? "staging")"
                state = "\(top.path)/state"
                [vault.disk]
                url = "file://\(top.path)/vault"

                """)
        try tree.file("jobs.d/siem.toml", text: job)
        configuration = try Configuration.load(top.path + "/coldchain.toml", environment: [:])
        _ = try MountGuard(top.path + "/staging", state: state).plant(local: true)
    }

    var state: Directory { get throws { try Directory.create(top.path + "/state") } }
    var staging: Directory { get throws { try Directory.open(top.path + "/staging") } }

    func context(
        now: Timestamp = now, _ change: (inout StageContext.Request) -> Void = { _ in }
    ) throws -> StageContext {
        var request = StageContext.Request()
        change(&request)
        return try StageContext(
            configuration: configuration, job: try configuration.job("siem"), request: request, clock: Clock { now },
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, tool: "coldchain test")
    }

    func run(_ date: CivilDate = date) throws -> RunDirectory { try context().directory.makeRun(date) }

    /// Leaves a stage record, as an attempt that has ended did.
    @discardableResult
    func leave(
        _ stage: Stage, _ state: StageRecord.State, on date: CivilDate = date, attempt: String = "first",
        upstream: String? = nil
    ) throws -> StageRecord {
        var record = StageRecord(
            job: "siem", run: date.description, stage: stage, attempt: attempt, state: state, host: "backup1", pid: 1,
            startedAt: "2026-11-21T00:00:00Z")
        record.upstream = upstream
        try run(date).write(record)
        return record
    }

    func leaveUnit(_ stage: Stage, _ unit: String, on date: CivilDate = date, vault: String? = nil) throws {
        try run(date).write(unitRecord(stage, unit, on: date), vault: vault)
    }

    func unitRecord(_ stage: Stage, _ unit: String, on date: CivilDate = date) -> UnitRecord {
        UnitRecord(
            job: "siem", run: date.description, stage: stage, unit: unit, attempt: "first", tool: "coldchain test",
            startedAt: "2026-11-21T00:00:00Z", finishedAt: "2026-11-21T00:00:01Z", inputs: [:],
            outputs: [.init(path: "out/\(unit)", size: 1, sha256: SHA256Hasher.digest(of: [1]))], counts: ["taken": 1])
    }
}
