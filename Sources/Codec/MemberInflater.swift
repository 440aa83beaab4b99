package import Platform

/// Inflates one whole member of an archive from memory to memory, and checks all that the member says of itself.
///
/// One thread at a time has an inflater; it is used for member after member.
package protocol MemberInflater: AnyObject {
    /// The library that does the work, for people who read a report.
    var library: String { get }

    /// Inflates `input`, which must be exactly one member, into `output`, which it must fill exactly.
    ///
    /// - Throws: `damaged`, with what is wrong but not where: neither the member nor its file is known in here.
    func inflate(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(Fault)
}
