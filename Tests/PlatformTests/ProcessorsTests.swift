import Glibc
import Platform
import TestSupport
import Testing

struct ProcessorsTests {
    @Test func `processors are counted as nproc does`() async throws {
        let counted = try await run(["env", "-u", "OMP_NUM_THREADS", "-u", "OMP_THREAD_LIMIT", "nproc"])
        #expect(Processors.available == counted.lines.first.flatMap { Int($0) })
    }

    @Test func `those that the thread must not run on do not count`() async throws {
        // taskset(1) as a call, on a thread that ends with the test; Swift's Glibc has none of it.
        typealias SetAffinity = @convention(c) (Int32, Int, UnsafePointer<UInt>) -> Int32
        let count = try await onOwnThread {
            let symbol = try #require(dlsym(nil, "sched_setaffinity"))
            let set = unsafeBitCast(symbol, to: SetAffinity.self)
            // The kernel refuses a processor that the process must not run on.
            let isSet = (0..<1_024).contains { number in
                var mask = [UInt](repeating: 0, count: 16)
                mask[number / 64] = 1 << UInt(number % 64)
                return set(0, mask.count * 8, mask) == 0
            }
            guard isSet else { throw Fault(.io, "sched_setaffinity: errno \(errno)") }
            return Processors.available
        }
        #expect(count == 1)
    }
}
