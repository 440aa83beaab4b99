import Codec
import Ledger
import Platform
import Synchronization

extension FileCapture {
    /// Copies what the file had when it was opened, and not a byte more.
    func copy(
        _ source: any SourceFile, _ status: SourceStatus, to file: File, _ start: Start, _ key: ByteString
    ) throws(Fault) -> Result<Content, Fault> {
        if start.count > 0, case .failure(let fault) = try checkSeam(source, file, start.count) {
            return .failure(fault)
        }
        if start.count == 0, status.size > 0, let local = source.localFile, state.canClone.load(ordering: .relaxed) {
            if file.clone(from: local) { return try cloned(file, status) }
            state.canClone.store(false, ordering: .relaxed)
        }
        var ranges: [Range<Int64>]?
        if start.count == 0, let allocated = status.allocated, allocated < status.size {
            do { ranges = FileCapture.sparse(try source.dataRanges(size: status.size), status.size) } catch {
                return .failure(error)
            }
        }
        return try transfer(source, ranges, status, to: file, start, key)
    }

    /// Nothing for a file that is, or is best treated as, dense.
    private static func sparse(_ ranges: [Range<Int64>], _ size: Int64) -> [Range<Int64>]? {
        ranges.count > sparseRanges || ranges == [0..<size] ? nil : ranges
    }

    private func transfer(
        _ source: any SourceFile, _ ranges: [Range<Int64>]?, _ status: SourceStatus, to file: File, _ start: Start,
        _ key: ByteString
    ) throws(Fault) -> Result<Content, Fault> {
        let size = status.size
        var hasher = start.hasher
        var position = start.count
        var nextNote = ranges == nil ? position + CollectionJournal.prefixStep : Int64.max
        for range in ranges ?? (size > 0 ? [position..<size] : []) {
            if range.lowerBound > position {
                try hashZeros(range.lowerBound - position, &hasher)
                try file.seek(to: range.lowerBound)
                position = range.lowerBound
            }
            while position < range.upperBound {
                try state.check()
                let wanted = Int(min(Int64(buffer.capacity), range.upperBound - position))
                let bytes: UnsafeRawBufferPointer
                do { bytes = try read(source, at: position, count: wanted) } catch { return .failure(error) }
                if bytes.isEmpty { return .success(try cut(file, ranges, hasher.finish(), at: position)) }
                hasher.update(bytes)
                try file.write(bytes)
                progress.bytes.add(Int64(bytes.count))
                position += Int64(bytes.count)
                if position >= nextNote, let journal {
                    nextNote = position + CollectionJournal.prefixStep
                    try journal.note(
                        .init(size: size, modified: status.modified, count: position, sha256: hasher.finish()), of: key)
                }
            }
        }
        if position < size {
            try hashZeros(size - position, &hasher)
            try file.truncate(to: size)
        }
        return .success(Content(size: size, sha256: hasher.finish(), sparse: ranges))
    }

    /// The next bytes of the source: in their place, or read into the buffer.
    private func read(_ source: any SourceFile, at offset: Int64, count: Int) throws(Fault) -> UnsafeRawBufferPointer {
        if let bytes = try source.view(at: offset, count: count) { return bytes }
        buffer.count = try source.read(
            into: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<count]), at: offset)
        return buffer.contents
    }

    /// The content of a file that ended early.
    private func cut(_ file: File, _ ranges: [Range<Int64>]?, _ sha256: Digest256, at size: Int64) throws(Fault)
        -> Content
    {
        try file.truncate(to: size)
        let kept = ranges.map { $0.filter { $0.lowerBound < size }.map { $0.lowerBound..<min($0.upperBound, size) } }
        return Content(size: size, sha256: sha256, sparse: kept.flatMap { FileCapture.sparse($0, size) })
    }

    /// The digest is that of the clone: the bytes that are there, whatever happens to the source meanwhile.
    private func cloned(_ file: File, _ status: SourceStatus) throws(Fault) -> Result<Content, Fault> {
        var actual = try file.status()
        // It may have grown since the open; what is behind belongs to a later moment.
        if actual.size > status.size {
            try file.truncate(to: status.size)
            actual.size = status.size
        }
        var ranges: [Range<Int64>]?
        if actual.allocated < actual.size {
            ranges = FileCapture.sparse(try file.dataRanges(size: actual.size), actual.size)
        }
        var hasher = SHA256Hasher()
        var position: Int64 = 0
        for range in ranges ?? (actual.size > 0 ? [0..<actual.size] : []) {
            try hashZeros(range.lowerBound - position, &hasher)
            position = range.lowerBound
            while position < range.upperBound {
                try state.check()
                let wanted = Int(min(Int64(buffer.capacity), range.upperBound - position))
                let piece = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<wanted])
                guard try file.read(into: piece, at: position) == wanted else {
                    throw Fault(.damaged, "\(file.path): ends at \(position), expected \(actual.size) bytes")
                }
                hasher.update(UnsafeRawBufferPointer(piece))
                progress.bytes.add(Int64(wanted))
                position += Int64(wanted)
            }
        }
        try hashZeros(actual.size - position, &hasher)
        return .success(Content(size: actual.size, sha256: hasher.finish(), sparse: ranges))
    }

    private func hashZeros(_ count: Int64, _ hasher: inout SHA256Hasher) throws(Fault) {
        var rest = count
        while rest > 0 {
            try state.check()
            let piece = Int(min(Int64(FileCapture.zeros.capacity), rest))
            hasher.update(UnsafeRawBufferPointer(rebasing: FileCapture.zeros.contents[..<piece]))
            rest -= Int64(piece)
        }
    }
}
