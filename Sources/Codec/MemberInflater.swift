package import Platform

/// Takes one format of compressed data apart, one member at a time; a ``MemberReader`` feeds it.
///
/// One for each format that can be read, those that this project never writes too.
package protocol MemberInflater: AnyObject {
    /// The name of the format, for messages: `gzip`.
    var format: String { get }
    /// Whether the data itself tells where a member ends.
    var marksMembers: Bool { get }
    /// Between members may stand zeros, in a number that is a multiple of this; 0 where none may.
    var paddingUnit: Int { get }

    /// Readies for the first byte of a member.
    ///
    /// - Throws: `limit` when there is no memory.
    func begin() throws(Fault)

    /// Inflates as far as input and room go, and takes off both what was used.
    func inflate(_ input: inout UnsafeRawBufferPointer, into output: inout UnsafeMutableRawBufferPointer) -> InflateStep
}

/// What came of a call of a ``MemberInflater``.
package enum InflateStep {
    case goesOn
    case memberEnds
    /// The data is not of the format, or its check is wrong; in the words of the library.
    case damaged(String)
    /// The data may be right, but can't be taken apart here.
    case unsupported(String)
}

extension MemberInflater {
    package var marksMembers: Bool { true }
    package var paddingUnit: Int { 0 }
}
