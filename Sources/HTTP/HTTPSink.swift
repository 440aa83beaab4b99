package import Platform

/// Takes the body of a successful answer as it arrives; other answers have small bodies, which stay in the response.
package protocol HTTPSink: AnyObject {
    /// Called once before the first byte, with status and headers.
    ///
    /// - Throws: what ends the transfer and comes out of it.
    func begin(_ head: HTTPResponse) throws(Fault)
    /// Takes bytes that are valid until it returns.
    ///
    /// - Throws: what ends the transfer and comes out of it.
    func receive(_ bytes: UnsafeRawBufferPointer) throws(Fault)
}

/// Puts a body into memory that the caller has, without anything between.
package final class BufferSink: HTTPSink {
    private let target: UnsafeMutableRawBufferPointer
    /// How many bytes have arrived.
    package private(set) var count = 0

    /// A sink for a caller's memory.
    ///
    /// - Parameter target: must outlive every transfer into the sink.
    package init(_ target: UnsafeMutableRawBufferPointer) { self.target = target }

    package func begin(_ head: HTTPResponse) throws(Fault) {}

    package func receive(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
        guard bytes.count <= target.count - count else {
            throw Fault(.damaged, "more than the \(target.count) bytes that were asked for have arrived")
        }
        UnsafeMutableRawBufferPointer(rebasing: target[count...]).copyMemory(from: bytes)
        count += bytes.count
    }
}
