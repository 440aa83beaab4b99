package import Platform

/// Makes members out of whole blocks, one after the other, for one thread at a time.
///
/// The same input gives the same bytes.
package protocol MemberCompressor: AnyObject {
    /// Compresses `input` into one member.
    ///
    /// - Parameters:
    ///   - input: the bytes of the member; none make an empty member.
    ///   - output: at least as many bytes as the codec's ``MemberCodec/bound(_:)`` for the input.
    /// - Returns: the size of the member.
    /// - Throws: `limit` when there is no memory.
    func compress(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(Fault) -> Int
}

/// Leaves blocks as they are.
final class PlainMemberCompressor: MemberCompressor {
    func compress(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(Fault) -> Int {
        output.copyMemory(from: input)
        return input.count
    }
}
