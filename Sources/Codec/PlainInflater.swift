package import Platform

/// Hands on bytes as they are: the members of a tar that is not compressed, whose ends only its index knows.
package final class PlainInflater: MemberInflater {
    package init() {}

    package var format: String { "tar" }
    package var marksMembers: Bool { false }

    package func begin() throws(Fault) {}

    package func inflate(
        _ input: inout UnsafeRawBufferPointer, into output: inout UnsafeMutableRawBufferPointer
    ) -> InflateStep {
        let count = min(input.count, output.count)
        output.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<count]))
        input = UnsafeRawBufferPointer(rebasing: input[count...])
        output = UnsafeMutableRawBufferPointer(rebasing: output[count...])
        return .goesOn
    }
}
