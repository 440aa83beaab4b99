import Platform

/// A source whose bytes are counted as they are read.
final class CountedSource: RangedSource {
    private let source: any RangedSource
    private let counter: Counter

    var name: String { source.name }
    var size: Int64 { source.size }

    init(_ source: any RangedSource, _ counter: Counter) {
        self.source = source
        self.counter = counter
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        let count = try source.read(into: buffer, at: offset)
        counter.add(Int64(count))
        return count
    }
}
