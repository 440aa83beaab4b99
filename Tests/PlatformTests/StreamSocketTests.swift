import Glibc
import Platform
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct StreamSocketTests {
    private func pair() throws -> (StreamSocket, StreamSocket) {
        let (one, descriptor) = try StreamSocket.pair("peer")
        return (one, StreamSocket(descriptor, "other"))
    }

    @Test("A read gives up after its time, and ends when the other side does")
    func timeout() async throws {
        let (one, other) = try pair()
        try await onOwnThread {
            one.setReadTimeout(seconds: 1)
            let buffer = Buffer(capacity: 16)
            let late = try one.read(into: buffer.bytes)
            other.shutdown()
            let end = try one.read(into: buffer.bytes)
            #expect(late == nil && end == 0)
        }
    }

    @Test("A full connection takes no more without waiting; writing to one that is closed is a fault, not a signal")
    func full() async throws {
        let (one, other) = try pair()
        try await onOwnThread {
            let bytes = [UInt8](repeating: 1, count: 8 << 20)
            let first = bytes.withUnsafeBytes { one.writeSome($0) }
            #expect(first > 0 && first < bytes.count)
            let second = bytes.withUnsafeBytes { one.writeSome($0) }
            #expect(second == 0)
            other.shutdown()
            let fault = Result { try bytes.withUnsafeBytes { try one.write($0) } }
            #expect(throws: Fault.self) { try fault.get() }
        }
    }

    @Test("A rate holds over threads")
    func rate() async throws {
        let rate = RateLimit(bytesPerSecond: 1_000_000)
        let began = Clock.monotonic()
        try await onOwnThread {
            let crew = ThreadCrew()
            for number in 0..<3 {
                try crew.start("take-\(number)") { for _ in 0..<20 { rate.take(10_000) } }
            }
            try crew.join()
        }
        let seconds = Clock.monotonic() - began
        #expect(seconds > 0.45, "600 kB at 1 MB/s, of which 100 kB at once: \(seconds) s")
    }
}
