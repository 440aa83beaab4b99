/// Bytes that come in order.
package protocol ByteStream: AnyObject {
    /// The name for messages.
    var name: String { get }
    /// Reads up to the size of `buffer`; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(Fault) -> Int
}

/// Some ranges of a source, one after the other.
package final class RangesStream: ByteStream {
    private let source: any RangedSource
    private var ranges: ArraySlice<Range<Int64>>

    package init(_ source: any RangedSource, _ ranges: [Range<Int64>]) {
        self.source = source
        self.ranges = ranges[...]
    }

    package var name: String { source.name }

    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(Fault) -> Int {
        while let range = ranges.first {
            if range.isEmpty {
                ranges.removeFirst()
                continue
            }
            let wanted = Int(min(Int64(buffer.count), range.upperBound - range.lowerBound))
            let count = try source.read(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: range.lowerBound)
            guard count > 0 else {
                throw Fault(.changed, "\(name): ends at \(range.lowerBound), expected \(range.upperBound)")
            }
            ranges[ranges.startIndex] = (range.lowerBound + Int64(count))..<range.upperBound
            return count
        }
        return 0
    }
}
