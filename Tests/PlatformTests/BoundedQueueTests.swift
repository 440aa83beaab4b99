import Platform
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct BoundedQueueTests {
    @Test(arguments: [1, 2, 7, 2_000])
    func `all elements arrive once and each producer's in order`(capacity: Int) async throws {
        let queue = BoundedQueue<(producer: Int, number: Int)>(capacity: capacity)
        let received = Monitor<[[(producer: Int, number: Int)]]>([])
        try await onOwnThread {
            let (producers, consumers) = (ThreadCrew(), ThreadCrew())
            for _ in 0..<3 {
                try consumers.start("consumer") {
                    var mine: [(producer: Int, number: Int)] = []
                    while let element = queue.pop() { mine.append(element) }
                    received.with { $0.append(mine) }
                }
            }
            for producer in 0..<4 {
                try producers.start("producer") {
                    for number in 0..<2_000 where !queue.push((producer, number)) { throw Fault(.io, "closed early") }
                }
            }
            try producers.join()
            queue.close()
            try consumers.join()
        }
        let lists = received.with { $0 }
        #expect(Set(lists.joined().map { $0.producer * 10_000 + $0.number }).count == 8_000)
        #expect(lists.reduce(0) { $0 + $1.count } == 8_000)
        for list in lists {
            for producer in 0..<4 {
                let numbers = list.filter { $0.producer == producer }.map(\.number)
                #expect(numbers == numbers.sorted())
            }
        }
    }

    @Test func `a full queue stops the producer until there is room`() async throws {
        let queue = BoundedQueue<Int>(capacity: 3)
        let pushed = Counter()
        let crew = ThreadCrew()
        try crew.start("producer") {
            for number in 0..<10 {
                queue.push(number)
                pushed.add(1)
            }
        }
        #expect(try await eventually { pushed.value == 3 })
        try await Task.sleep(nanoseconds: 50_000_000)
        #expect(pushed.value == 3)
        #expect(try await onOwnThread { queue.pop() } == 0)
        #expect(try await eventually { pushed.value == 4 })
        try await Task.sleep(nanoseconds: 50_000_000)
        #expect(pushed.value == 4)
        #expect(try await onOwnThread { (0..<9).map { _ in queue.pop() } } == Array(1...9))
        try await onOwnThread { try crew.join() }
    }

    @Test func `close lets the rest out and then ends every wait`() async throws {
        let queue = BoundedQueue<Int>(capacity: 5)
        try await onOwnThread {
            for number in 0..<5 { queue.push(number) }
            let crew = ThreadCrew()
            for _ in 0..<4 {
                try crew.start("producer") { if queue.push(99) { throw Fault(.io, "taken into a closed queue") } }
            }
            queue.close()
            try crew.join()
        }
        #expect(try await onOwnThread { (0..<6).map { _ in queue.pop() } } == [0, 1, 2, 3, 4, nil])
        #expect(!queue.push(1))
    }

    @Test(arguments: [true, false])
    func `close and cancel wake every waiting consumer`(cancels: Bool) async throws {
        let queue = BoundedQueue<Int>(capacity: 1)
        let (waiting, ended) = (Counter(), Counter())
        let crew = ThreadCrew()
        for _ in 0..<10 {
            try crew.start("consumer") {
                waiting.add(1)
                if queue.pop() == nil { ended.add(1) }
            }
        }
        #expect(try await eventually { waiting.value == 10 })
        if cancels { queue.cancel() } else { queue.close() }
        try await onOwnThread { try crew.join() }
        #expect(ended.value == 10)
    }

    @Test func `cancel drops what is inside and wakes every waiting producer`() async throws {
        let queue = BoundedQueue<Int>(capacity: 2)
        let refused = Counter()
        try await onOwnThread {
            let crew = ThreadCrew()
            for number in 0..<10 { try crew.start("producer") { if !queue.push(number) { refused.add(1) } } }
            queue.cancel()
            try crew.join()
        }
        #expect(refused.value >= 8)
        #expect(try await onOwnThread { queue.pop() } == nil)
    }

    @Test func `a popped element does not live on in the queue`() async throws {
        let queue = BoundedQueue<Buffer>(capacity: 4)
        weak var first: Buffer?
        func fill() {
            let buffer = Buffer(capacity: 64)
            first = buffer
            queue.push(buffer)
            // Never empty, as in a pipeline at full load.
            queue.push(Buffer(capacity: 64))
            queue.push(Buffer(capacity: 64))
        }
        fill()
        #expect(first != nil)
        _ = queue.pop()
        #expect(first == nil)
        #expect(queue.pop() != nil)
    }

    @Test func `the order holds over many rounds of filling and emptying`() {
        let queue = BoundedQueue<Int>(capacity: 5_000)
        var random = SplitMix64(seed: 9)
        var (next, expected, inside) = (0, 0, 0)
        for _ in 0..<200 {
            for _ in 0..<Int.random(in: 0...(4_000 - inside), using: &random) {
                queue.push(next)
                next += 1
                inside += 1
            }
            for _ in 0..<Int.random(in: 0...inside, using: &random) {
                if queue.pop() != expected { Issue.record("expected \(expected)") }
                expected += 1
                inside -= 1
            }
        }
        #expect(next > 5_000)
    }
}
