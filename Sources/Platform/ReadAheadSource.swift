/// A source that is read in order through some ranges, which threads fetch ahead in large pieces.
///
/// A store answers each request late and then fast, so many small reads take ages, and one after the other leaves the line
/// empty. The pieces wait in buffers of a pool that all sources of a job share: it is the limit of their memory and of the
/// requests under way. What is read elsewhere, or again, is asked of the source itself.
package final class ReadAheadSource: RangedSource {
    /// Bytes of a piece; a request for it takes longer on the line than to be answered.
    package static let pieceSize: Int64 = 8 << 20
    /// Bytes between two ranges that are fetched and thrown away: less than a request of its own costs.
    package static let gap: Int64 = 512 << 10

    package typealias Buffers = Pool<Handed<Buffer>>

    /// Buffers for some sources.
    ///
    /// - Parameter count: pieces that are under way or wait to be read, of all sources together.
    /// - Returns: the pool, of which nothing is in memory yet.
    package static func buffers(_ count: Int) -> Buffers {
        Pool(limit: max(1, count)) { Handed(Buffer(capacity: Int(pieceSize))) }
    }

    private struct State {
        /// The pieces that the threads fetch now, in order and not touching.
        var pieces: [Range<Int64>] = []
        /// The next one that nobody has begun.
        var next = 0
        /// All before have been read, or passed over.
        var first = 0
        var fetched: [Int: Result<Handed<Buffer>, Fault>] = [:]
        /// Counts the calls of ``fetch(_:)``: a thread of an earlier one has nothing more to say.
        var round = 0
    }

    private let source: any RangedSource
    private let buffers: Buffers
    private let threads: Int
    private let state = Monitor(State())
    private let crew = Monitor(ThreadCrew())

    /// A source that has nothing to fetch yet.
    ///
    /// - Parameters:
    ///   - source: read by several threads at once.
    ///   - buffers: shared with other sources.
    ///   - threads: requests under way for this one.
    package init(_ source: any RangedSource, _ buffers: Buffers, threads: Int) {
        self.source = source
        self.buffers = buffers
        self.threads = threads
    }

    package var name: String { source.name }
    package var size: Int64 { source.size }

    /// What is requested for some ranges: joined where little lies between them.
    ///
    /// - Parameter ranges: in any order; they may overlap.
    /// - Returns: the ranges in order, none touching another.
    package static func joined(_ ranges: some Sequence<Range<Int64>>) -> [Range<Int64>] {
        var joined: [Range<Int64>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
            if let last = joined.last, range.lowerBound <= last.upperBound + gap {
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        return joined
    }

    /// Begins to fetch some ranges; those of an earlier call are given up.
    ///
    /// - Parameter ranges: what is going to be read.
    /// - Throws: `limit` when the system has no thread left.
    package func fetch(_ ranges: some Sequence<Range<Int64>>) throws(Fault) {
        try stop()
        var pieces: [Range<Int64>] = []
        for range in Self.joined(ranges) {
            for start in stride(from: range.lowerBound, to: range.upperBound, by: Int(Self.pieceSize)) {
                pieces.append(start..<min(start + Self.pieceSize, range.upperBound))
            }
        }
        let round = state.change { state in
            (state.pieces, state.next, state.first) = (pieces, 0, 0)
            return state.round
        }
        // One piece is fetched by whoever reads it.
        guard pieces.count > 1 else { return }
        let crew = ThreadCrew()
        self.crew.with { $0 = crew }
        for _ in 0..<min(threads, pieces.count) {
            try crew.start("fetch") { [self] in
                // The buffer first: whoever holds one then has the first piece that nobody has, so that nobody waits for a
                // piece while all buffers hold later ones.
                while isLeft(round: round), let buffer = buffers.take() {
                    guard let number = take(round: round) else { return buffers.give(buffer) }
                    fetch(number, into: buffer, round: round)
                }
            }
        }
    }

    /// Gives up what has not been read, and waits for the threads.
    ///
    /// - Throws: nothing but what kept a thread from its work.
    package func stop() throws(Fault) {
        let left = state.change { state in
            defer { state.fetched = [:] }
            (state.pieces, state.next, state.first) = ([], 0, 0)
            state.round += 1
            return state.fetched.values.compactMap { try? $0.get() }
        }
        for buffer in left { buffers.give(buffer) }
        try crew.with { $0 }.join()
    }

    private func isLeft(round: Int) -> Bool { state.with { $0.round == round && $0.next < $0.pieces.count } }

    private func take(round: Int) -> Int? {
        state.with { state in
            guard state.round == round, state.next < state.pieces.count else { return nil }
            state.next += 1
            return state.next - 1
        }
    }

    /// Fetches a piece, and lays it down unless nobody wants it any more.
    private func fetch(_ number: Int, into buffer: Handed<Buffer>, round: Int) {
        guard let piece = state.with({ $0.round == round ? $0.pieces[number] : nil }) else {
            return buffers.give(buffer)
        }
        let result: Result<Handed<Buffer>, Fault>
        do throws(Fault) {
            try Shutdown.check()
            let wanted = Int(piece.upperBound - piece.lowerBound)
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer.value.bytes[..<wanted])
            buffer.value.count = try source.read(into: target, at: piece.lowerBound)
            result = .success(buffer)
        } catch { result = .failure(error) }
        let isWanted = state.change { state in
            guard state.round == round, number >= state.first else { return false }
            state.fetched[number] = result
            return true
        }
        if case .failure = result { return buffers.give(buffer) }
        if !isWanted { buffers.give(buffer) }
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        guard let number = begin(at: offset) else { return try source.read(into: buffer, at: offset) }
        let piece = try wait(for: number)
        let place = Int(offset - piece.start)
        let found = piece.buffer.value
        guard place < found.count else { return 0 }
        let count = min(buffer.count, found.count - place)
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: found.bytes[place..<(place + count)]))
        if offset + Int64(count) == piece.end { pass(to: number + 1) }
        return count
    }

    /// The piece that holds an offset, all before it passed over; nothing where it is not going to be fetched, or has been
    /// read.
    private func begin(at offset: Int64) -> Int? {
        let (number, isUnread) = state.with { state in
            var (low, high) = (state.first, state.pieces.count)
            while low < high {
                let middle = low + (high - low) / 2
                if state.pieces[middle].upperBound <= offset { low = middle + 1 } else { high = middle }
            }
            return (low, low < state.pieces.count && state.pieces[low].contains(offset))
        }
        guard isUnread else { return nil }
        pass(to: number)
        return number
    }

    /// Gives the buffers of all pieces before `number` back.
    private func pass(to number: Int) {
        let passed = state.change { state in
            guard number > state.first else { return [Handed<Buffer>]() }
            let range = state.first..<number
            state.first = number
            state.next = max(state.next, number)
            return range.compactMap { state.fetched.removeValue(forKey: $0).flatMap { try? $0.get() } }
        }
        for buffer in passed { buffers.give(buffer) }
    }

    private func wait(for number: Int) throws(Fault) -> (buffer: Handed<Buffer>, start: Int64, end: Int64) {
        let isOwn = state.with { state in
            guard state.pieces.count == 1, state.next == 0 else { return false }
            state.next = 1
            return true
        }
        if isOwn {
            guard let buffer = buffers.take() else { throw Fault(.interrupted, "\(name): is being closed") }
            fetch(number, into: buffer, round: state.with { $0.round })
        }
        let (result, piece) = state.wait(wakes: false) { state in
            // A signal ends the requests of the threads, which lay that down here.
            state.fetched[number].map { ($0, state.pieces[number]) }
        }
        return (try result.get(), piece.lowerBound, piece.upperBound)
    }
}
