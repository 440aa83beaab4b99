package import Platform

/// Inflates members from memory to memory, each at once, and checks all that a member says of itself.
///
/// One thread at a time has one; it is used for member after member.
package protocol WholeMember: AnyObject {
    /// Inflates `input`, which must be exactly one member, into `output`, which it must fill exactly.
    ///
    /// - Throws: `damaged`, with what is wrong but not where: neither the member nor its file is known in here.
    func inflate(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(Fault)
}

/// By the inflater of a codec, step by step: zlib, liblzma, or a copy.
final class SteppedMember: WholeMember {
    private let inflater: any MemberInflater

    init(_ inflater: any MemberInflater) { self.inflater = inflater }

    func inflate(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(Fault) {
        guard inflater.marksMembers else {
            guard input.count == output.count else {
                throw Fault(.damaged, "has \(input.count) bytes, expected \(output.count)")
            }
            return output.copyMemory(from: input)
        }
        var (rest, room) = (input, output)
        try inflater.begin()
        // A member that has filled its room may still have its end to tell; one more byte would be one too many.
        var spare: UInt8 = 0
        while true {
            let before = (rest.count, room.count)
            var isOver = false
            let step =
                room.isEmpty
                ? withUnsafeMutableBytes(of: &spare) { bytes in
                    var spare = bytes
                    defer { isOver = spare.isEmpty }
                    return inflater.inflate(&rest, into: &spare)
                } : inflater.inflate(&rest, into: &room)
            if isOver { throw WholeMemberFault.tooLong(output) }
            switch step {
            case .goesOn:
                if before == (rest.count, room.count) || (rest.isEmpty && !room.isEmpty) {
                    throw Fault(.damaged, "is cut off")
                }
            case .memberEnds:
                return try WholeMemberFault.check(
                    left: rest.count, made: output.count - room.count, expected: output.count)
            case .damaged(let words): throw Fault(.damaged, words)
            case .unsupported(let words): throw Fault(.unsupported, words)
            }
        }
    }
}

/// What can be wrong with a member, whatever the library.
enum WholeMemberFault {
    static func tooLong(_ output: UnsafeMutableRawBufferPointer) -> Fault {
        Fault(.damaged, "holds more than the expected \(output.count) bytes")
    }

    /// A member has ended.
    static func check(left: Int, made: Int, expected: Int) throws(Fault) {
        if left > 0 { throw Fault(.damaged, "\(left) bytes stand behind its end") }
        if made < expected { throw Fault(.damaged, "holds \(made) bytes, expected \(expected)") }
    }
}
