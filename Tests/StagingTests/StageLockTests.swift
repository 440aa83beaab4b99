import Glibc
import Ledger
import Platform
import Staging
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct StageLockTests {
    private func take(_ bench: Bench, attempt: String = "one", breaking: Bool = false) throws -> StageLock {
        try StageLock.take(
            "lock of pack siem", file: ".pack.lock", in: bench.staging, local: "siem.pack", state: bench.state,
            attempt: attempt, breaking: breaking, clock: Clock { Bench.now })
    }

    private func isHeld(_ bench: Bench) throws -> Bool {
        try StageLock.isHeld(file: ".pack.lock", in: bench.staging, local: "siem.pack", state: bench.state)
    }

    /// The file that the lock of another process leaves on staging.
    private func holder(
        host: String = ProcessIdentity.host, boot: String = ProcessIdentity.boot, attempt: String = "other"
    )
        -> String
    {
        """
        {"attempt": "\(attempt)", "boot": "\(boot)", "host": "\(host)", "pid": 4711, "since": "2026-11-21T01:02:03Z"}

        """
    }

    private func plant(_ bench: Bench, _ text: String) throws {
        try TreeBuilder(bench.staging).file(".pack.lock", text: text)
    }

    @Test func `a lock is held as long as it lives, and tells who holds it`() throws {
        let bench = try Bench()
        #expect(try !isHeld(bench))
        do {
            let lock = try take(bench)
            #expect(try isHeld(bench))
            let text = String(decoding: try bench.staging.readFile(".pack.lock"), as: UTF8.self)
            for words in [
                "\"attempt\" : \"one\"", "\"host\" : \"\(ProcessIdentity.host)\"", "\"pid\" : \(ProcessIdentity.pid)",
                "\"since\" : \"\(Bench.now.rfc3339)\"", "\"boot\" : \"\(ProcessIdentity.boot)\"",
            ] { #expect(text.contains(words), "\(words)") }
            let failure = fault { try take(bench, attempt: "two") }
            #expect(failure?.code == .tryLater)
            #expect(
                failure?.message
                    == "the lock of pack siem is held by process \(ProcessIdentity.pid) since \(Bench.now.rfc3339) on this server"
            )
            // A process that lives keeps it, whatever is asked for.
            let broken = fault { try take(bench, attempt: "two", breaking: true) }
            #expect(broken?.code == .tryLater)
            withExtendedLifetime(lock) {}
        }
        #expect(try !isHeld(bench))
        #expect(try !bench.staging.exists(".pack.lock"))
        let again = try take(bench, attempt: "two")
        #expect(try isHeld(bench))
        withExtendedLifetime(again) {}
    }

    @Test func `other locks are free`() throws {
        let bench = try Bench()
        let lock = try take(bench)
        let other = try StageLock.take(
            "lock of ship siem", file: ".ship.lock", in: bench.staging, local: "siem.ship", state: bench.state,
            attempt: "one", breaking: false)
        #expect(try bench.staging.exists(".ship.lock"))
        withExtendedLifetime((lock, other)) {}
    }

    @Test(arguments: [false, true]) func `the lock of a dead process of this server is taken over`(isOfOlderBoot: Bool)
        throws
    {
        let bench = try Bench()
        try plant(bench, holder(boot: isOfOlderBoot ? "an older one" : ProcessIdentity.boot))
        #expect(try !isHeld(bench))
        let lock = try take(bench)
        #expect(try isHeld(bench))
        withExtendedLifetime(lock) {}
    }

    @Test func `the lock of a process that lives is not taken, and is when it was killed`() async throws {
        let bench = try Bench()
        try plant(bench, holder())
        let locks = try bench.state.descendCreating(["locks"])
        let child = try ChildProcess([
            "flock", locks.path + "/siem.pack", "sh", "-c", "touch \"$0\"; exec sleep 60", bench.top.path + "/ready",
        ])
        let top = try Directory.open(bench.top.path)
        let isReady = try await eventually { try top.exists("ready") }
        #expect(isReady)
        #expect(try isHeld(bench))
        let failure = fault { try take(bench) }
        #expect(failure?.code == .tryLater)
        #expect(failure?.message.contains("held by process 4711 since 2026-11-21T01:02:03Z on this server") == true)
        child.signal(SIGKILL)
        _ = try await child.wait()
        let isFree = try await eventually { try !isHeld(bench) }
        #expect(isFree)
        let lock = try take(bench)
        #expect(try isHeld(bench))
        withExtendedLifetime(lock) {}
    }

    @Test func `the lock of another server is broken only when that is asked for`() throws {
        let bench = try Bench()
        try plant(bench, holder(host: "backup2"))
        #expect(try isHeld(bench))
        let failure = fault { try take(bench) }
        #expect(failure?.code == .tryLater)
        #expect(
            failure?.message
                == "the lock of pack siem is held by server 'backup2', process 4711, since 2026-11-21T01:02:03Z")
        #expect(failure?.hint?.contains("--break-lock") == true)
        #expect(try bench.staging.readFile(".pack.lock") == Array(holder(host: "backup2").utf8), "its file stays")
        do {
            let lock = try take(bench, breaking: true)
            try expectFault(.tryLater) { try take(bench, attempt: "two") }
            withExtendedLifetime(lock) {}
        }
        #expect(try !bench.staging.exists(".pack.lock"))
    }

    @Test func `a lock that another server has broken is not removed by its former holder`() throws {
        let bench = try Bench()
        do {
            let lock = try take(bench)
            try plant(bench, holder(host: "backup2"))
            withExtendedLifetime(lock) {}
        }
        #expect(try bench.staging.readFile(".pack.lock") == Array(holder(host: "backup2").utf8))
        #expect(try isHeld(bench))
    }

    @Test(arguments: ["", "{", "{}", "not JSON"]) func `an edited lock file does not stop the next attempt`(
        text: String
    ) throws {
        let bench = try Bench()
        try plant(bench, text)
        #expect(try !isHeld(bench))
        do {
            let lock = try take(bench)
            try plant(bench, text)
            #expect(try isHeld(bench), "the process can be told all the same")
            let failure = fault { try take(bench, attempt: "two") }
            #expect(failure?.message == "the lock of pack siem is held by another process on this server")
            withExtendedLifetime(lock) {}
        }
        let again = try take(bench)
        withExtendedLifetime(again) {}
        _ = consume again
        #expect(try !bench.staging.exists(".pack.lock"))
    }
}
