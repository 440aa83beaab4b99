/// A stream that is read by a thread of its own, some buffers ahead of its reader.
///
/// The stream belongs to that thread from then on. What is abandoned before its end is ended with the object.
package final class ReadAhead: ByteStream {
    package let name: String
    private let crew: ThreadCrew
    private let pool: Pool<Buffer>
    private let queue: BoundedQueue<Buffer>
    private var current: Buffer?
    private var offset = 0
    private var isAtEnd = false

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - stream: read by nobody else.
    ///   - size: how many bytes are asked of it at once.
    ///   - count: how many such buffers there are.
    ///   - slack: how many bytes more a buffer has, for whoever reads past its end without looking.
    /// - Throws: `limit` when the system has no thread left.
    package init(_ stream: any ByteStream, size: Int = 1 << 20, count: Int = 3, slack: Int = 0) throws(Fault) {
        name = stream.name
        let pool = Pool<Buffer>(limit: count) { Buffer(capacity: size + slack) }
        let queue = BoundedQueue<Buffer>(capacity: count)
        (self.pool, self.queue) = (pool, queue)
        crew = ThreadCrew { queue.close() }
        let handed = Handed(stream)
        try crew.start("read-ahead") {
            while let buffer = pool.take() {
                buffer.count = try handed.value.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<size]))
                guard buffer.count > 0, queue.push(buffer) else { break }
            }
            queue.close()
        }
    }

    deinit {
        pool.close()
        queue.cancel()
        try? crew.join()
    }

    /// The next buffer itself, for a reader that copies nothing; to be given back by ``give(_:)``.
    ///
    /// - Returns: nothing at the end.
    /// - Throws: what reading the stream threw.
    package func take() throws(Fault) -> Buffer? {
        if isAtEnd { return nil }
        if let next = queue.pop() { return next }
        isAtEnd = true
        // What stopped the thread is told here.
        try crew.join()
        return nil
    }

    package func give(_ buffer: Buffer) { pool.give(buffer) }

    package func read(into target: UnsafeMutableRawBufferPointer) throws(Fault) -> Int {
        guard !target.isEmpty else { return 0 }
        if current == nil { (current, offset) = (try take(), 0) }
        guard let buffer = current else { return 0 }
        let count = min(target.count, buffer.count - offset)
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer.bytes[offset..<offset + count]))
        offset += count
        if offset == buffer.count {
            current = nil
            pool.give(buffer)
        }
        return count
    }
}
