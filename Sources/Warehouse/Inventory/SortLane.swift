import Codec
import Platform

/// One of several threads' share of an external merge sort by key: objects gather in memory, and what is full goes sorted
/// to a file without a name, compressed.
///
/// Memory is one buffer, and some more for each run that is merged; of these there are few, however many objects there
/// are, since runs are merged into longer ones. It belongs to one thread at a time.
final class SortLane {
    /// Runs of about the same length.
    private struct Level {
        var file: File
        var runs: [Range<Int64>] = []
        var written: Int64 = 0
    }

    private let scratch: Directory
    private let mostRuns: Int
    private let buffer: Buffer
    private var offsets: [UInt32] = []
    private var levels: [Level] = []

    /// - Parameters:
    ///   - scratch: a local directory.
    ///   - memory: bytes of objects that are sorted at once.
    ///   - mostRuns: so many runs of a length are merged into one.
    init(scratch: Directory, memory: Int, mostRuns: Int = 32) {
        self.scratch = scratch
        self.mostRuns = max(2, mostRuns)
        buffer = Buffer(capacity: memory)
    }

    func append(_ object: ListedObject) throws(Fault) {
        let length = ObjectRecord.length(of: object)
        if buffer.count + length > buffer.capacity { try spill() }
        guard let base = buffer.bytes.baseAddress, buffer.count + length <= buffer.capacity else {
            throw Fault(.limit, "an object of \(length) bytes does not fit the memory for sorting")
        }
        ObjectRecord.write(object, to: base + buffer.count)
        offsets.append(UInt32(buffer.count))
        buffer.count += length
    }

    private func sort() {
        guard let base = buffer.bytes.baseAddress.map({ UnsafeRawPointer($0) }) else { return }
        offsets.withUnsafeMutableBufferPointer { offsets in
            offsets.sort {
                ObjectRecord.order(ObjectRecord(start: base + Int($0)), ObjectRecord(start: base + Int($1))) < 0
            }
        }
    }

    private func spill() throws(Fault) {
        guard !offsets.isEmpty, let base = buffer.bytes.baseAddress.map({ UnsafeRawPointer($0) }) else { return }
        sort()
        try add(toLevel: 0) { (gzip) throws(Fault) in
            for offset in offsets {
                let record = ObjectRecord(start: base + Int(offset))
                try gzip.write(UnsafeRawBufferPointer(start: record.start, count: record.length))
            }
        }
        offsets.removeAll(keepingCapacity: true)
        buffer.count = 0
        var level = 0
        while levels[level].runs.count >= mostRuns {
            try lengthen(level)
            level += 1
        }
    }

    /// Writes a run behind those of a level.
    private func add(toLevel level: Int, _ body: (GzipWriter) throws(Fault) -> Void) throws(Fault) {
        if level == levels.count { levels.append(Level(file: try scratch.unnamedFile())) }
        let gzip = try GzipWriter(levels[level].file, level: 1)
        try body(gzip)
        _ = try gzip.finish()
        let start = levels[level].written
        levels[level].runs.append(start..<(start + gzip.written))
        levels[level].written += gzip.written
    }

    /// Makes one run of the next level of all runs of this one, whose room on the disk is free then.
    private func lengthen(_ level: Int) throws(Fault) {
        let merge = try ObjectMerge(try cursors(level))
        try add(toLevel: level + 1) { (gzip) throws(Fault) in
            var count = 0
            while let record = try merge.next() {
                count += 1
                if count & 0xFFFF == 0 { try Shutdown.check() }
                try gzip.write(UnsafeRawBufferPointer(start: record.start, count: record.length))
            }
        }
        levels[level] = Level(file: try scratch.unnamedFile())
    }

    private func cursors(_ level: Int) throws(Fault) -> [RunCursor] {
        let source = try FileSource(levels[level].file)
        return levels[level].runs.map { RunCursor(MemberReader.gzip(source, range: $0, bufferSize: 32 << 10)) }
    }

    /// Ends the appending, and gives the sorted runs; what is in memory stays there.
    func finish() throws(Fault) -> [RunCursor] {
        var cursors: [RunCursor] = []
        for level in levels.indices { cursors += try self.cursors(level) }
        sort()
        if !offsets.isEmpty { cursors.append(RunCursor(buffer, offsets)) }
        return cursors
    }
}
