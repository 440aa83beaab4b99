import Platform
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct BufferPoolTests {
    @Test func `no more elements exist than the limit, however many threads want one`() async throws {
        let (made, inUse) = (Counter(), Monitor((now: 0, most: 0)))
        let pool = Pool(limit: 3) { () -> Buffer in
            made.add(1)
            return Buffer(capacity: 128)
        }
        try await onOwnThread {
            let crew = ThreadCrew()
            for _ in 0..<8 {
                try crew.start("worker") {
                    for _ in 0..<500 {
                        guard let buffer = pool.take() else { throw Fault(.io, "closed early") }
                        inUse.with { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
                        inUse.with { $0.now -= 1 }
                        pool.give(buffer)
                    }
                }
            }
            try crew.join()
        }
        #expect(made.value <= 3)
        #expect(inUse.with { $0.most } <= 3)
        #expect(inUse.with { $0.now } == 0)
    }

    @Test func `no two threads have the same element`() async throws {
        let pool = Pool(limit: 2) { Buffer(capacity: 8) }
        let holders = Monitor<Set<ObjectIdentifier>>([])
        try await onOwnThread {
            let crew = ThreadCrew()
            for _ in 0..<6 {
                try crew.start("worker") {
                    for _ in 0..<300 {
                        guard let buffer = pool.take() else { return }
                        let isNew = holders.with { $0.insert(ObjectIdentifier(buffer)).inserted }
                        if !isNew { throw Fault(.io, "taken twice") }
                        holders.with { _ = $0.remove(ObjectIdentifier(buffer)) }
                        pool.give(buffer)
                    }
                }
            }
            try crew.join()
        }
        #expect(holders.with { $0.isEmpty })
    }

    @Test func `an element given back wakes a waiter and close ends every wait`() async throws {
        let pool = Pool(limit: 1) { Buffer(capacity: 8) }
        let buffer = try #require(pool.take())
        let (taken, ended) = (Counter(), Counter())
        let crew = ThreadCrew()
        for _ in 0..<5 { try crew.start("waiter") { if pool.take() == nil { ended.add(1) } else { taken.add(1) } } }
        pool.give(buffer)
        #expect(try await eventually { taken.value == 1 })
        #expect(ended.value == 0)
        pool.close()
        try await onOwnThread { try crew.join() }
        #expect(ended.value == 4)
        #expect(pool.take() == nil)
    }

    @Test func `a buffer is aligned to pages and shows only what is in use`() {
        let buffer = Buffer(capacity: 10_000)
        #expect(Int(bitPattern: buffer.bytes.baseAddress) % 4_096 == 0)
        #expect(buffer.capacity == 10_000)
        #expect(buffer.contents.isEmpty)
        buffer.bytes.copyBytes(from: [1, 2, 3])
        buffer.count = 3
        #expect(buffer.contents.elementsEqual([1, 2, 3]))
    }
}
