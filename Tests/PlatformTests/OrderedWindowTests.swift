import Platform
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct OrderedWindowTests {
    @Test(arguments: [(1, 1), (1, 4), (4, 2), (6, 8)])
    func `results come in the order of admission and the window holds`(capacity: Int, workers: Int) async throws {
        let window = OrderedWindow<Int>(capacity: capacity)
        let jobs = BoundedQueue<Int>(capacity: capacity)
        let open = Monitor((now: 0, most: 0))
        let results = try await onOwnThread { () -> [Int] in
            let crew = ThreadCrew {
                window.cancel()
                jobs.cancel()
            }
            try crew.start("producer") {
                for _ in 0..<2_000 {
                    guard let number = window.admit() else { return }
                    open.with { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
                    jobs.push(number)
                }
                jobs.close()
                window.finish()
            }
            for worker in 0..<workers {
                try crew.start("worker") {
                    var random = SplitMix64(seed: UInt64(worker))
                    while let number = jobs.pop() {
                        for _ in 0..<Int.random(in: 0...2_000, using: &random) { _ = random.next() }
                        window.deliver(number * 3, for: number)
                    }
                }
            }
            var results: [Int] = []
            while let result = window.take() {
                open.with { $0.now -= 1 }
                results.append(result)
            }
            try crew.join()
            return results
        }
        #expect(results == (0..<2_000).map { $0 * 3 })
        // The consumer counts after taking, so one more may have been admitted by then.
        #expect(open.with { $0.most } <= capacity + 1)
    }

    @Test func `admission stops at the capacity and goes on when a result is taken`() async throws {
        let window = OrderedWindow<String>(capacity: 2)
        let admitted = Counter()
        let crew = ThreadCrew()
        try crew.start("producer") { for _ in 0..<3 where window.admit() != nil { admitted.add(1) } }
        #expect(try await eventually { admitted.value == 2 })
        // The second is there, but the first is not: nothing can be taken, nothing admitted.
        window.deliver("second", for: 1)
        try await Task.sleep(nanoseconds: 50_000_000)
        #expect(admitted.value == 2)
        window.deliver("first", for: 0)
        #expect(try await onOwnThread { window.take() } == "first")
        #expect(try await eventually { admitted.value == 3 })
        window.deliver("third", for: 2)
        window.finish()
        #expect(try await onOwnThread { [window.take(), window.take(), window.take()] } == ["second", "third", nil])
        try await onOwnThread { try crew.join() }
    }

    @Test func `finish ends only once all that was admitted has been taken`() async throws {
        let window = OrderedWindow<Int>(capacity: 4)
        let numbers = try await onOwnThread { [window.admit(), window.admit()] }
        #expect(numbers == [0, 1])
        window.finish()
        let taken = Counter()
        let crew = ThreadCrew()
        try crew.start("consumer") { while window.take() != nil { taken.add(1) } }
        window.deliver(10, for: 1)
        try await Task.sleep(nanoseconds: 20_000_000)
        #expect(taken.value == 0)
        window.deliver(10, for: 0)
        try await onOwnThread { try crew.join() }
        #expect(taken.value == 2)
    }

    @Test func `cancel wakes producer and consumer and drops late results`() async throws {
        let window = OrderedWindow<Int>(capacity: 1)
        let ended = Counter()
        let crew = ThreadCrew()
        _ = try await onOwnThread { window.admit() }
        for _ in 0..<4 { try crew.start("producer") { if window.admit() == nil { ended.add(1) } } }
        for _ in 0..<4 { try crew.start("consumer") { if window.take() == nil { ended.add(1) } } }
        window.cancel()
        try await onOwnThread { try crew.join() }
        #expect(ended.value == 8)
        window.deliver(1, for: 0)
        #expect(try await onOwnThread { window.take() } == nil)
    }

    @Test func `an abandoned window gives what lies in a row and nothing more`() async throws {
        let window = OrderedWindow<Int>(capacity: 4)
        let numbers = try await onOwnThread { (0..<4).map { _ in window.admit() } }
        #expect(numbers == [0, 1, 2, 3])
        for number in [0, 1, 3] { window.deliver(number * 10, for: number) }
        window.abandon()
        let isTaken = window.deliver(20, for: 2)
        #expect(!isTaken)
        let taken = try await onOwnThread { [window.take(), window.take(), window.take()] }
        #expect(taken == [0, 10, nil])
        #expect(try await onOwnThread { window.admit() } == nil)
    }
}
