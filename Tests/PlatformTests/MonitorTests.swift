import Platform
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct MonitorTests {
    @Test func `one thread at a time has the state`() async throws {
        let monitor = Monitor((value: 0, inside: 0, collisions: 0))
        try await onOwnThread {
            let crew = ThreadCrew()
            for _ in 0..<8 {
                try crew.start("adder") {
                    for _ in 0..<5_000 {
                        monitor.with { state in
                            state.inside += 1
                            if state.inside != 1 { state.collisions += 1 }
                            state.value += 1
                            state.inside -= 1
                        }
                    }
                }
            }
            try crew.join()
        }
        #expect(monitor.with { $0.value } == 40_000)
        #expect(monitor.with { $0.collisions } == 0)
    }

    @Test func `a change wakes every waiter, and each sees its own condition`() async throws {
        let monitor = Monitor(0)
        let woken = Counter()
        try await onOwnThread {
            let crew = ThreadCrew()
            for number in 1...20 {
                try crew.start("waiter") {
                    let seen = monitor.wait(wakes: false) { $0 >= number ? $0 : nil }
                    if seen < number { throw Fault(.io, "woken at \(seen), not \(number)") }
                    woken.add(1)
                }
            }
            for _ in 1...20 { monitor.change { $0 += 1 } }
            try crew.join()
        }
        #expect(woken.value == 20)
    }

    @Test func `a wait that changes the state hands on to the next waiter`() async throws {
        let monitor = Monitor(0)
        let order = Monitor<[Int]>([])
        try await onOwnThread {
            let crew = ThreadCrew()
            // The last one starts first, so that each has to wait for the one before.
            for number in (0..<20).reversed() {
                try crew.start("relay") {
                    _ = monitor.wait { state -> Bool? in
                        guard state == number else { return nil }
                        state += 1
                        order.with { $0.append(number) }
                        return true
                    }
                }
            }
            try crew.join()
        }
        #expect(order.with { $0 } == Array(0..<20))
    }

    @Test func `an error leaves the monitor unlocked`() {
        struct Stop: Error {}
        let monitor = Monitor(1)
        #expect(throws: Stop.self) { try monitor.with { _ in throw Stop() } }
        #expect(throws: Stop.self) { try monitor.change { _ in throw Stop() } }
        #expect(throws: Stop.self) { try monitor.wait { _ -> Int? in throw Stop() } }
        #expect(monitor.with { $0 } == 1)
    }
}
