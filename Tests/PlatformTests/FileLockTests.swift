import Glibc
import Platform
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct FileLockTests {
    @Test func `a lock excludes others as long as it lives`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            do {
                let lock = try FileLock.take("lock", in: directory)
                #expect(lock != nil)
                #expect(try FileLock.take("lock", in: directory) == nil)
                #expect(try FileLock.take("other", in: directory) != nil)
                withExtendedLifetime(lock) {}
            }
            #expect(try FileLock.take("lock", in: directory) != nil)
        }
    }

    @Test func `another program sees the lock and a child does not inherit it`() async throws {
        try await withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let lock = try FileLock.take("lock", in: directory)
            let attempt = ["flock", "-n", path + "/lock", "true"]
            #expect(try await run(attempt).status == 1)
            let child = try ChildProcess(["sleep", "60"])
            withExtendedLifetime(lock) {}
            _ = consume lock
            #expect(try await run(attempt).status == 0)
            child.stop()
        }
    }

    @Test func `a lock is free again when its holder is killed`() async throws {
        try await withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let holder = try ChildProcess([
                "flock", path + "/lock", "sh", "-c", "touch \"$0\"; exec sleep 60", path + "/ready",
            ])
            #expect(try await eventually { try directory.exists("ready") })
            #expect(try FileLock.take("lock", in: directory) == nil)
            holder.signal(SIGKILL)
            #expect(try await holder.wait() == .signalled(SIGKILL))
            // The holder's own child is killed with it, but a moment later.
            #expect(try await eventually { try FileLock.take("lock", in: directory) != nil })
        }
    }

    @Test func `a link in the lock's place is refused`() throws {
        try withTemporaryDirectory { path in
            let builder = try TreeBuilder(path)
            try builder.symlink("lock", to: "elsewhere")
            #expect(throws: Fault.self) { try FileLock.take("lock", in: builder.root) }
            #expect(try !builder.root.exists("elsewhere"))
        }
    }

    @Test func `a look tells whether a lock is taken, and makes no file`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            #expect(try !FileLock.isTaken("lock", in: directory))
            #expect(try directory.names() == [])
            let lock = try FileLock.take("lock", in: directory)
            #expect(try FileLock.isTaken("lock", in: directory))
            withExtendedLifetime(lock) {}
            _ = consume lock
            #expect(try !FileLock.isTaken("lock", in: directory))
        }
    }

    @Test func `looks keep nobody from taking the lock`() async throws {
        try await withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            // What a look holds for a moment, held for longer.
            let look = try ChildProcess([
                "flock", "-s", path + "/lock", "sh", "-c", "touch \"$0\"; sleep 0.3", path + "/ready",
            ])
            #expect(try await eventually { try directory.exists("ready") })
            let lock = try await onOwnThread { try FileLock.take("lock", in: directory) }
            #expect(lock != nil)
            withExtendedLifetime(lock) {}
            _ = try await look.wait()
        }
    }
}
