import Codec
import Platform

/// One of several threads' share of an external merge sort by key: objects gather in memory, and what is full goes sorted
/// to a file without a name, compressed.
///
/// Memory is one buffer, however many objects there are. It belongs to one thread at a time.
final class SortLane {
    private let scratch: Directory
    private let buffer: Buffer
    private var offsets: [UInt32] = []
    private var file: File?
    private var runs: [Range<Int64>] = []
    private var written: Int64 = 0

    /// - Parameters:
    ///   - scratch: a local directory.
    ///   - memory: bytes of objects that are sorted at once.
    init(scratch: Directory, memory: Int) {
        self.scratch = scratch
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
        let file: File
        if let open = self.file { file = open } else { file = try scratch.unnamedFile() }
        self.file = file
        let gzip = try GzipWriter(file, level: 1)
        for offset in offsets {
            let record = ObjectRecord(start: base + Int(offset))
            try gzip.write(UnsafeRawBufferPointer(start: record.start, count: record.length))
        }
        _ = try gzip.finish()
        runs.append(written..<(written + gzip.written))
        written += gzip.written
        offsets.removeAll(keepingCapacity: true)
        buffer.count = 0
    }

    /// Ends the appending, and gives the sorted runs; what is in memory stays there.
    func finish() throws(Fault) -> [RunCursor] {
        var cursors: [RunCursor] = []
        if let file {
            let source = try FileSource(file)
            for run in runs { cursors.append(RunCursor(MemberReader.gzip(source, range: run, bufferSize: 32 << 10))) }
        }
        sort()
        if !offsets.isEmpty { cursors.append(RunCursor(buffer, offsets)) }
        return cursors
    }
}
