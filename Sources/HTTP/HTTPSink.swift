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
