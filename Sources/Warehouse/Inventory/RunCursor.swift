import Glibc
import Platform

/// Where a merge stands in one sorted run, in memory or in a file.
final class RunCursor {
    private enum Source {
        case memory(Buffer, [UInt32])
        case stream(any ByteStream)
    }
    private let source: Source
    private var next = 0
    private var window: Buffer?
    private var position = 0

    /// The record at which it stands; valid until the next ``advance()``.
    private(set) var record = ObjectRecord(start: UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped)

    init(_ buffer: Buffer, _ offsets: [UInt32]) { source = .memory(buffer, offsets) }

    init(_ stream: any ByteStream) { source = .stream(stream) }

    /// Goes to the next record.
    ///
    /// - Returns: false at the end of the run.
    func advance() throws(Fault) -> Bool {
        switch source {
        case .memory(let buffer, let offsets):
            guard next < offsets.count, let base = buffer.bytes.baseAddress else { return false }
            record = ObjectRecord(start: UnsafeRawPointer(base) + Int(offsets[next]))
            next += 1
            return true
        case .stream(let stream): return try advance(stream)
        }
    }

    private func advance(_ stream: any ByteStream) throws(Fault) -> Bool {
        // Made with the first record, so that runs cost nothing before the merge begins.
        let window = self.window ?? Buffer(capacity: 64 << 10)
        self.window = window
        guard let base = window.bytes.baseAddress else { return false }
        while true {
            let left = window.count - position
            if left >= ObjectRecord.header {
                let found = ObjectRecord(start: UnsafeRawPointer(base) + position)
                if left >= found.length {
                    record = found
                    position += found.length
                    return true
                }
            }
            memmove(base, base + position, left)
            (position, window.count) = (0, left)
            let count = try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: window.bytes[left...]))
            if count == 0 {
                guard left == 0 else { throw Fault(.damaged, "\(stream.name): ends inside of a record") }
                return false
            }
            window.count += count
        }
    }
}
