import CLinux
import Glibc

/// One end of a connected pair of stream sockets (unix(7)): how this process talks to a child through its standard input
/// and output.
///
/// One thread reads, another may write at the same time; ``shutdown()`` ends both from any thread.
package final class StreamSocket: @unchecked Sendable {
    // Safe to share: the descriptor is closed only when nobody has the object any more.
    package let descriptor: Int32
    /// What stands in messages.
    package let name: String

    /// Takes over a descriptor.
    package init(_ descriptor: Int32, _ name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    deinit { _ = close(descriptor) }

    /// Makes a pair; neither end is inherited by a child unless it is handed over.
    ///
    /// - Returns: our end, and the descriptor of the other, which the caller closes.
    /// - Throws: `limit` when there is no descriptor left.
    package static func pair(_ name: String) throws(Fault) -> (StreamSocket, Int32) {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw .lastSystem("make a socket for", name)
        }
        // As much as the system allows (net.core.wmem_max): fewer and larger steps for both sides.
        for end in ends {
            var size: Int32 = 1 << 20
            setsockopt(end, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        return (StreamSocket(ends[0], name), ends[1])
    }

    /// Reads what is there, waiting for the first byte.
    ///
    /// - Returns: 0 once the other end is closed; nothing when the time of ``setReadTimeout(seconds:)`` has passed.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(Fault) -> Int? {
        let count = retryingInterrupts { Glibc.read(descriptor, buffer.baseAddress, buffer.count) }
        if count < 0 && errno == ECONNRESET { return 0 }
        if count < 0 && errno == EAGAIN { return nil }
        guard count >= 0 else { throw .lastSystem("read from", name) }
        return count
    }

    /// Writes all of `buffer`.
    package func write(_ buffer: UnsafeRawBufferPointer) throws(Fault) {
        var done = 0
        while done < buffer.count {
            let count = retryingInterrupts {
                send(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done, Int32(MSG_NOSIGNAL))
            }
            guard count >= 0 else { throw .lastSystem("write to", name) }
            done += count
        }
    }

    /// Lets ``read(into:)`` wait no longer than this; it gives nothing then.
    package func setReadTimeout(seconds: Int) {
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Writes what can be written without waiting.
    ///
    /// - Returns: how many bytes that were.
    package func writeSome(_ buffer: UnsafeRawBufferPointer) -> Int {
        max(0, send(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)))
    }

    /// Ends the direction from here: the other end reads its end of file, and may still write.
    package func endWriting() { _ = Glibc.shutdown(descriptor, Int32(SHUT_WR)) }

    /// Ends both directions: the other end reads its end of file, and so does a thread that reads here.
    package func shutdown() { _ = Glibc.shutdown(descriptor, Int32(SHUT_RDWR)) }
}
