package import AWS
package import Codec
import Ledger
package import Platform

/// Runs one copy job of S3 Batch Operations to its end: makes it, or finds the one that an earlier attempt has made, waits,
/// and reads its completion report.
///
/// Nothing of ours sits in the way of the data: the job goes on whether or not this process does.
package struct BatchCopy: Sendable {
    /// What outlives the process: written before the service is asked, so that the same token finds the same job.
    struct State: Codable, Sendable {
        var format = JSONFile.format
        var token: String
        /// Of the plan's list.
        var sha256: String
        /// Grows with each job that has ended without doing its work.
        var serial: Int
        var job: String?
        /// Until when copies are locked: the same token must ask for the same.
        var lockedUntil: String?
    }

    private let control: S3ControlClient
    private let reports: S3Client
    private let directory: Directory
    private let name: ByteString
    private let pace: Pace
    private let onStatus: @Sendable (BatchJobStatus) -> Void

    /// Seconds between two questions, at first and at the most.
    private static let pauses = (first: 2.0, longest: 60.0)

    /// - Parameters:
    ///   - control: makes jobs.
    ///   - reports: the bucket of completion reports.
    ///   - name: of the file of its state.
    ///   - directory: where that is.
    ///   - pace: time.
    ///   - onStatus: told each answer.
    package init(
        _ control: S3ControlClient, reports: S3Client, state name: ByteString, in directory: Directory,
        pace: Pace = .system, onStatus: @escaping @Sendable (BatchJobStatus) -> Void = { _ in }
    ) {
        self.control = control
        self.reports = reports
        self.directory = directory
        self.name = name
        self.pace = pace
        self.onStatus = onStatus
    }

    /// Whether an earlier attempt has begun a job for this list, which goes on then.
    package func isBegun(_ digest: Digest256) throws(Fault) -> Bool {
        guard let known = try JSONFile.read(State.self, name, in: directory) else { return false }
        return known.sha256 == digest.description && !known.token.isEmpty
    }

    /// A job that an attempt has asked for, and has not given up.
    package struct Begun: Sendable, Equatable {
        /// Its id; nothing where the answer of the service was lost.
        package var job: String?
        /// SHA-256 of the plan's list.
        package var list: String
    }

    /// The job of which a file of the state tells, whether it has ended or not.
    ///
    /// - Throws: `damaged` for a file that can't be read.
    package static func begun(_ name: ByteString, in directory: Directory) throws(Fault) -> Begun? {
        guard let known = try JSONFile.read(State.self, name, in: directory), !known.token.isEmpty else { return nil }
        return Begun(job: known.job, list: known.sha256)
    }

    /// Runs a job.
    ///
    /// - Parameters:
    ///   - wanted: the job; its token is made here.
    ///   - digest: of the plan's list: another one makes another job.
    ///   - expected: the keys that the report must tell; nothing where the manifest is not ours.
    /// - Returns: the report.
    /// - Throws: `incomplete` for a job that has failed or was cancelled, and for a report that leaves tasks out;
    ///   `interrupted` after a signal, and the job goes on.
    package func run(_ wanted: BatchCopyJob, digest: Digest256, expecting expected: KeySum?) throws(Fault)
        -> CompletionReport
    {
        var job = wanted
        var state = try load(&job, digest)
        let id: String
        if let known = state.job {
            id = known
        } else {
            do throws(Fault) { id = try control.create(job) } catch {
                // What is refused for good makes no job, and no other run has to wait for one.
                if error.retry == .permanent, [.permission, .usage, .unsupported, .io].contains(error.code) {
                    try giveUp(state)
                }
                throw error
            }
            state.job = id
            try save(state)
        }
        let status = try wait(for: id)
        guard status.state == "Complete" else {
            try giveUp(state)
            throw Fault(
                .incomplete,
                "job \(id) of S3 Batch Operations has ended as \(status.state), \(status.failed) of \(status.tasks) tasks failed: \(status.reasons.isEmpty ? "no reason is told" : status.reasons.joined(separator: "; "))",
                hint:
                    "Run the same command again for another job; without 'route' in the job's settings objects are copied one by one."
            )
        }
        do throws(Fault) {
            let report = try CompletionReport.read(reports, prefix: wanted.reportPrefix, job: id)
            if let expected, report.told != expected {
                throw Fault(
                    .damaged,
                    "the completion report of job \(id) tells \(report.told.count) tasks, and not the \(expected.count) of its manifest",
                    hint: "Run the same command again: what has been copied is looked for, and the rest copied anew.")
            }
            return report
        } catch {
            // Nothing will become of it.
            if [.damaged, .notFound].contains(error.code) { try giveUp(state) }
            throw error
        }
    }

    /// Lets the next attempt make another job.
    private func giveUp(_ state: State) throws(Fault) {
        try save(State(token: "", sha256: state.sha256, serial: state.serial + 1))
    }

    /// Gives a job its token: whoever asks for the same copies gets the same job.
    private func load(_ job: inout BatchCopyJob, _ digest: Digest256) throws(Fault) -> State {
        let known = try JSONFile.read(State.self, name, in: directory)
        let sha256 = digest.description
        var serial = 1
        if let known {
            let isOurs = known.sha256 == sha256
            if isOurs, !known.token.isEmpty {
                if let until = known.lockedUntil.flatMap({ Timestamp(rfc3339: $0) }) { job.lock?.until = until }
                job.token = Self.token(job, serial: known.serial)
                // The same token with other wishes would be refused for good.
                if known.job != nil || job.token == known.token { return known }
            }
            serial = isOurs && known.token.isEmpty ? known.serial : known.serial + 1
        }
        job.token = Self.token(job, serial: serial)
        let state = State(
            token: job.token, sha256: sha256, serial: serial, lockedUntil: job.lock?.until.rfc3339)
        try save(state)
        return state
    }

    /// 64 digits are what a token may have.
    private static func token(_ job: BatchCopyJob, serial: Int) -> String {
        var job = job
        job.token = "\(serial)"
        return SHA256Hasher.digest(of: job.request).description
    }

    private func save(_ state: State) throws(Fault) { try JSONFile.write(state, to: name, in: directory) }

    private func wait(for id: String) throws(Fault) -> BatchJobStatus {
        var pause = Self.pauses.first
        while true {
            let status = try control.describe(id)
            onStatus(status)
            if status.isOver { return status }
            // Somebody's account wants a confirmation for every job.
            if status.state == "Suspended" { try control.update(id, to: "Ready", why: "confirmed by coldchain") }
            try pace.sleep(pause)
            pause = min(Self.pauses.longest, pause * 1.5)
        }
    }
}
