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
        /// Of the manifest.
        var sha256: String
        /// Grows with each job that has ended without doing its work.
        var serial: Int
        var job: String?
        var state: String?
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

    /// Runs a job.
    ///
    /// - Parameters:
    ///   - wanted: the job; its token is made here.
    ///   - digest: of the manifest: another one makes another job.
    ///   - expected: the keys that the report must tell; nothing where the manifest is not ours.
    /// - Returns: the report.
    /// - Throws: `incomplete` for a job that has failed or was cancelled, and for a report that leaves tasks out;
    ///   `interrupted` after a signal, and the job goes on.
    package func run(_ wanted: BatchCopyJob, digest: Digest256, expecting expected: KeySum?) throws(Fault)
        -> CompletionReport
    {
        var state = try load(wanted, digest)
        let id: String
        if let known = state.job {
            id = known
        } else {
            var job = wanted
            job.token = state.token
            id = try control.create(job)
            state.job = id
            try save(state)
        }
        let status = try wait(for: id)
        guard status.state == "Complete" else {
            // The next attempt makes another one.
            try save(State(token: "", sha256: state.sha256, serial: state.serial + 1))
            throw Fault(
                .incomplete,
                "job \(id) of S3 Batch Operations has ended as \(status.state), \(status.failed) of \(status.tasks) tasks failed: \(status.reasons.isEmpty ? "no reason is told" : status.reasons.joined(separator: "; "))",
                hint:
                    "Run the same command again for another job; without 'route' in the job's settings objects are copied one by one."
            )
        }
        let report = try CompletionReport.read(reports, prefix: wanted.reportPrefix, job: id)
        if let expected, report.told != expected {
            throw Fault(
                .damaged,
                "the completion report of job \(id) tells \(report.told.count) tasks, and not the \(expected.count) of its manifest"
            )
        }
        return report
    }

    private func load(_ wanted: BatchCopyJob, _ digest: Digest256) throws(Fault) -> State {
        let known = try JSONFile.read(State.self, name, in: directory)
        let sha256 = digest.description
        if let known, known.sha256 == sha256, !known.token.isEmpty { return known }
        let serial = known.map { $0.sha256 == sha256 ? $0.serial : $0.serial + 1 } ?? 1
        // Whoever asks for the same copies gets the same job; 64 digits are what a token may have.
        let subject = [wanted.targetARN, wanted.targetPrefix, wanted.manifestARN, sha256, "\(serial)"]
        let token = SHA256Hasher.digest(of: Array(subject.joined(separator: "\n").utf8)).description
        let state = State(token: token, sha256: sha256, serial: serial)
        try save(state)
        return state
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
