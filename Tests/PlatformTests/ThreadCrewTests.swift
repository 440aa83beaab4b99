import Platform
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct ThreadCrewTests {
    @Test func `join waits for every thread`() async throws {
        let done = Counter()
        try await onOwnThread {
            let crew = ThreadCrew()
            for number in 0..<30 {
                try crew.start("worker-\(number)") {
                    for _ in 0..<number * 100 { _ = RandomID.make() }
                    done.add(1)
                }
            }
            try crew.join()
            if done.value != 30 { throw Fault(.io, "joined after \(done.value)") }
        }
        #expect(done.value == 30)
    }

    @Test func `the first fault is thrown and closes the others' queue`() async throws {
        let queue = BoundedQueue<Int>(capacity: 1)
        let faults = Counter()
        let fault = await #expect(throws: Fault.self) {
            try await onOwnThread {
                let crew = ThreadCrew {
                    faults.add(1)
                    queue.cancel()
                }
                try crew.start("fails") { throw Fault(.damaged, "the first") }
                for _ in 0..<5 {
                    try crew.start("blocked") {
                        if queue.pop() == nil { throw Fault(.interrupted, "a consequence") }
                    }
                }
                try crew.join()
            }
        }
        #expect(fault?.code == .damaged)
        #expect(faults.value == 6)
    }

    @Test func `any error of a thread becomes a fault`() async throws {
        struct Strange: Error {}
        let fault = await #expect(throws: Fault.self) {
            try await onOwnThread {
                let crew = ThreadCrew()
                try crew.start("strange") { throw Strange() }
                try crew.join()
            }
        }
        #expect(fault?.code == .io)
    }

    @Test func `a fault reported from outside is thrown by join`() async throws {
        let fault = await #expect(throws: Fault.self) {
            try await onOwnThread {
                let crew = ThreadCrew()
                crew.failed(Fault(.limit, "from outside"))
                crew.failed(Fault(.io, "too late"))
                try crew.join()
            }
        }
        #expect(fault?.code == .limit)
    }

    @Test func `a crew that nobody joins leaves no stack behind`() async throws {
        let grown = try await onOwnThread {
            let before = try mappedRegions()
            for _ in 0..<500 { try ThreadCrew().start("short") {} }
            Clock.pause(0.2)
            return try mappedRegions() - before
        }
        // Two for each thread; other tests have threads, too.
        #expect(grown < 600)
    }

    @Test func `threads have their names, cut to fifteen bytes`() async throws {
        let names = try await onOwnThread { () -> [String] in
            let (crew, release) = (ThreadCrew(), Monitor(false))
            defer { release.change { $0 = true } }
            for name in ["short", "a name that is much longer"] {
                try crew.start(name) { _ = release.wait(wakes: false) { $0 ? true : nil } }
            }
            let tasks = try runBlocking(["sh", "-c", "cat /proc/\(ProcessIdentity.pid)/task/*/comm"])
            return tasks.lines
        }
        #expect(names.contains("short"))
        #expect(names.contains("a name that is "))
    }
}
