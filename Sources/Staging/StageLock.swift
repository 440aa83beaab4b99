import Ledger
package import Platform

/// The lock of one (job, run, stage), or of a job's ledger.
///
/// Two locks in one: flock(2) on local disk, which the kernel lets go whenever the process dies, and a file on staging,
/// which tells other servers. The file of a dead process of this server is taken over; that of another server is not,
/// since nobody here can know whether it lives.
package final class StageLock {
    private struct Holder: Codable {
        var host: String
        var boot: String
        var pid: Int
        var attempt: String
        var since: String
    }

    private let local: FileLock
    private let name: ByteString
    private let directory: Directory

    private let attempt: String

    private init(local: FileLock, name: ByteString, directory: Directory, attempt: String) {
        self.local = local
        self.name = name
        self.directory = directory
        self.attempt = attempt
    }

    deinit {
        // Another server may have broken this lock meanwhile: then the file is its own. One look that fails is no answer.
        for _ in 0..<2 {
            guard let held = try? JSONFile.read(Holder.self, name, in: directory) else { continue }
            if held.attempt == attempt { try? directory.removeIfPresent(name) }
            return
        }
    }

    /// Takes a lock.
    ///
    /// - Parameters:
    ///   - what: the name for messages.
    ///   - name: the file on staging that tells other servers.
    ///   - directory: where on staging that file lies.
    ///   - localName: the file on local disk that is locked.
    ///   - state: the local state directory, in which the local files lie under `locks`.
    ///   - attempt: the id of the attempt, for the record of the holder.
    ///   - breaking: take over the lock of another server.
    ///   - clock: tells since when the lock is held.
    /// - Returns: the lock, which is held as long as the object lives.
    /// - Throws: `tryLater`, naming the holder, when it is held; the system's fault when a file can't be read or written.
    package static func take(
        _ what: String, file name: ByteString, in directory: Directory, local localName: String, state: Directory,
        attempt: String, breaking: Bool, clock: Clock = .system
    ) throws(Fault) -> StageLock {
        let locks = try state.descendCreating(["locks"])
        let held: Holder?
        do { held = try JSONFile.read(Holder.self, name, in: directory) } catch {
            // Torn by a crash of its writer can't be (it is renamed into place); edited by hand can.
            if error.code != .damaged { throw error }
            held = nil
        }
        guard let local = try FileLock.take(ByteString(localName), in: locks) else {
            let who = held.map { "process \($0.pid) since \($0.since)" } ?? "another process"
            throw Fault(
                .tryLater, "the \(what) is held by \(who) on this server",
                hint: "Wait for it to end, or look at it with 'ps' first; this lock can't be broken while it lives.")
        }
        if let held, held.host != ProcessIdentity.host, !breaking {
            throw Fault(
                .tryLater, "the \(what) is held by server '\(held.host)', process \(held.pid), since \(held.since)",
                hint: "When that server no longer runs it, use --break-lock.")
        }
        let holder = Holder(
            host: ProcessIdentity.host, boot: ProcessIdentity.boot, pid: ProcessIdentity.pid, attempt: attempt,
            since: clock.now().rfc3339)
        try JSONFile.write(holder, to: name, in: directory)
        return StageLock(local: local, name: name, directory: directory, attempt: attempt)
    }

    /// Whether the lock of a stage is held by a process that lives, as far as this server can tell.
    ///
    /// The look keeps no attempt from starting.
    package static func isHeld(
        file name: ByteString, in directory: Directory, local localName: String, state: Directory
    )
        throws(Fault) -> Bool
    {
        do {
            guard let held = try JSONFile.read(Holder.self, name, in: directory) else { return false }
            if held.host != ProcessIdentity.host { return true }
        } catch {
            // Edited by hand: a process of this server can be told all the same.
            if error.code != .damaged { throw error }
        }
        return try FileLock.isTaken(ByteString(localName), in: try state.descendCreating(["locks"]))
    }
}
