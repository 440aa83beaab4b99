import Platform

/// Which archives each manifest names, by their numbers in the table, in a file without a name: a year of them is too much
/// for memory, and is asked for more than once.
final class ReferenceSpool {
    private let file: File
    private var end: Int64 = 0

    /// - Parameter scratch: a local directory.
    /// - Throws: the system's fault when the file can't be made.
    init(_ scratch: Directory) throws(Fault) { file = try scratch.unnamedFile() }

    private static let width = Int64(MemoryLayout<UInt32>.size)

    /// Appends numbers and tells where they lie.
    func append(_ numbers: [UInt32]) throws(Fault) -> Range<Int64> {
        let start = end
        var failure: Fault?
        numbers.withUnsafeBytes { do { try file.write($0) } catch { failure = .wrapping(error) } }
        if let failure { throw failure }
        end += Int64(numbers.count) * Self.width
        return start..<end
    }

    /// Calls `body` with the numbers of a range.
    func forEach(_ range: Range<Int64>, _ body: (UInt32) -> Void) throws(Fault) {
        let buffer = Buffer(capacity: Int(min(Int64(range.count), 1 << 18)))
        var offset = range.lowerBound
        while offset < range.upperBound {
            let wanted = Int(min(Int64(buffer.capacity), range.upperBound - offset))
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<wanted])
            guard try file.read(into: target, at: offset) == wanted else {
                throw Fault(.io, "\(file.path): is shorter than what was written to it")
            }
            for number in target.bindMemory(to: UInt32.self) { body(number) }
            offset += Int64(wanted)
        }
    }
}
