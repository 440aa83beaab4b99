import Codec
import Platform

/// A piece of tar on its way to a member: input and output buffers that go round through a ``Pool``.
///
/// One thread at a time owns it: the reader fills it, a worker compresses it, the archive's writer empties it.
package final class Block {
    /// Bytes of tar in a member, at the most.
    static let memberSize = 4 << 20
    /// Bytes of a member, at the most.
    static let output = MemberCodec.mostBound(memberSize)

    let input = Buffer(capacity: memberSize)
    let output = Buffer(capacity: Block.output)
    var compression = Compression()
    /// The number of the member in its archive.
    var number = 0
    /// Index rows of the entries that end in this member, but for their places, one after the other.
    var rows: [UInt8] = []
    var rowEnds: [RowEnd] = []
    /// Why it could not be compressed.
    var fault: Fault?

    struct RowEnd {
        /// Where the row ends in `rows`.
        var end: Int
        /// The member in which the entry begins, and how far into its tar.
        var firstMember: Int
        var skip: Int
    }

    func clear() {
        input.count = 0
        output.count = 0
        rows.removeAll(keepingCapacity: true)
        rowEnds.removeAll(keepingCapacity: true)
        fault = nil
    }
}
