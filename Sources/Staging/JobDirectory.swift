package import Ledger
package import Platform

/// `STAGING/JOB`: its runs, its ledger, its pauses.
package struct JobDirectory: Sendable {
    package let name: String
    package let directory: Directory
    /// The local state directory, for locks.
    package let state: Directory

    package init(name: String, directory: Directory, state: Directory) {
        self.name = name
        self.directory = directory
        self.state = state
    }

    /// All runs, oldest first.
    package func runs() throws(Fault) -> [CivilDate] {
        try directory.names().compactMap { CivilDate($0.description) }.sorted()
    }

    /// A run that is there.
    package func run(_ date: CivilDate) throws(Fault) -> RunDirectory? {
        guard try directory.exists(ByteString(date.description)) else { return nil }
        return RunDirectory(job: self, date: date, directory: try directory.directory(ByteString(date.description)))
    }

    /// A run, made where it is missing.
    package func makeRun(_ date: CivilDate) throws(Fault) -> RunDirectory {
        RunDirectory(
            job: self, date: date, directory: try directory.descendCreating([ByteString(date.description)]))
    }

    /// The manifests that every vault of the job has verified.
    package func ledger() throws(Fault) -> LedgerDirectory { LedgerDirectory(try ledgerDirectory()) }

    /// Where the ledger lies, with what prune keeps beside the manifests; made where it is missing.
    package func ledgerDirectory() throws(Fault) -> Directory { try directory.descendCreating(["ledger"]) }

    /// The lock under which manifests are committed.
    package func lockLedger(breaking: Bool) throws(Fault) -> StageLock {
        try StageLock.take(
            "ledger of job \(name)", file: ".lock", in: try ledgerDirectory(), local: "\(name).ledger", state: state,
            attempt: RandomID.make(), breaking: breaking)
    }

    /// The lock under which the objects of a warehouse are copied, one run at a time: where a copy goes depends on what is
    /// there, and a job of S3 Batch Operations that is under way writes whatever is there.
    package func lockCopies(breaking: Bool) throws(Fault) -> StageLock {
        try StageLock.take(
            "lock of ship \(name)", file: ".ship.lock", in: directory, local: "\(name).ship", state: state,
            attempt: RandomID.make(), breaking: breaking)
    }

    // MARK: Pauses

    /// Why a stage of this job is paused.
    package struct Pause: Codable, Sendable, Equatable {
        package var why: String
        package var since: String
        package var by: String
        package init(why: String, since: String, by: String) {
            self.why = why
            self.since = since
            self.by = by
        }

        /// For people: `paused since 2026-11-21T00:00:00Z by anna: moving the disks`.
        package var text: String { "paused since \(since) by \(by): \(why)" }
    }

    private func pauseName(_ stage: Stage) -> ByteString { ByteString("\(stage.rawValue).paused.json") }

    /// The pause of a stage, if there is one.
    ///
    /// - Throws: `damaged`, naming the file, for one that can't be read.
    package func pause(_ stage: Stage) throws(Fault) -> Pause? {
        do { return try JSONFile.read(Pause.self, pauseName(stage), in: directory) } catch {
            guard error.code == .damaged else { throw error }
            throw Fault(
                .damaged, error.message,
                hint: "The pause was changed or cut; '\(stage.rawValue) resume \(name)' removes it.")
        }
    }

    package func setPause(_ pause: Pause?, _ stage: Stage) throws(Fault) {
        if let pause {
            try JSONFile.write(pause, to: pauseName(stage), in: directory)
        } else {
            try directory.removeIfPresent(pauseName(stage))
            try directory.sync()
        }
    }

    /// - Throws: `tryLater` while the stage is paused.
    package func checkNotPaused(_ stage: Stage) throws(Fault) {
        if let pause = try pause(stage) {
            throw Fault(
                .tryLater, "\(stage.rawValue) \(name) is \(pause.text)",
                hint: "Run '\(stage.rawValue) resume \(name)' to let it go on.")
        }
    }
}
