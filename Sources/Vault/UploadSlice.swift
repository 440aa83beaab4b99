import Platform

/// A slice of a source on its way to the store: counted against the rate, and compared with its digest where the store
/// would not do it.
final class UploadSlice: RangedSource {
    private let source: any RangedSource
    private let range: Range<Int64>
    private let rate: RateLimit?
    private let makeCheck: (@Sendable () throws(Fault) -> ContentCheck)?
    /// The check of what has been read in order so far.
    private let state = Monitor<(check: ContentCheck?, offset: Int64)>((nil, 0))

    /// A slice.
    ///
    /// - Parameters:
    ///   - source: where the bytes are.
    ///   - range: which of them.
    ///   - rate: a limit to wait for.
    ///   - makeCheck: what the bytes must be; without it they are not looked at.
    init(
        _ source: any RangedSource, _ range: Range<Int64>, rate: RateLimit? = nil,
        check makeCheck: (@Sendable () throws(Fault) -> ContentCheck)? = nil
    ) {
        self.source = source
        self.range = range
        self.rate = rate
        self.makeCheck = makeCheck
    }

    var name: String { source.name }
    var size: Int64 { range.upperBound - range.lowerBound }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        let wanted = Int(min(Int64(buffer.count), size - offset))
        guard wanted > 0 else { return 0 }
        let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
        let count = try source.read(into: target, at: range.lowerBound + offset)
        // Of a source that ends early the body of the request tells.
        if let makeCheck, count > 0 {
            var failure: Fault?
            state.with { state in
                do throws(Fault) {
                    // A body that is sent again is read from its start.
                    if offset == 0 || state.check == nil { state = (try makeCheck(), 0) }
                    guard offset == state.offset else { return }
                    try state.check?.update(UnsafeRawBufferPointer(rebasing: target[..<count]))
                    state.offset += Int64(count)
                    // Before the last bytes are handed on: without them nothing becomes an object.
                    if state.offset == size { try state.check?.finish() }
                } catch { failure = error }
            }
            if let failure { throw failure }
        }
        rate?.take(count)
        return count
    }

    /// Reads all of the slice and compares.
    ///
    /// - Throws: `damaged`, naming source and part, when it is not what it should be.
    func examine() throws(Fault) {
        try forEachPiece(length: size, using: Buffer(capacity: 1 << 20)) { _ in }
        // Nothing is read of an empty slice.
        if size == 0, var check = try makeCheck?() { try check.finish() }
    }
}
