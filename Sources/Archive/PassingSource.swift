import Platform

/// A source that is read from front to back once, and whose bytes are seen as they pass.
final class PassingSource: RangedSource {
    private let source: any RangedSource
    private let seen: @Sendable (UnsafeRawBufferPointer) -> Void

    init(_ source: any RangedSource, seen: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) {
        self.source = source
        self.seen = seen
    }

    var name: String { source.name }
    var size: Int64 { source.size }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        let count = try source.read(into: buffer, at: offset)
        seen(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        return count
    }
}
