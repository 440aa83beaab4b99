package import Platform

/// Writes a gzip'd table to a file: rows are gathered and each MiB becomes one member, so memory is one MiB whatever the
/// length of the table.
package final class GzipWriter {
    private let file: File
    private let compressor: GzipMemberCompressor
    private let input = Buffer(capacity: 1 << 20)
    private let output = Buffer(capacity: GzipMemberCompressor.bound(1 << 20))
    private var hasher = SHA256Hasher()
    private var hasMember = false
    /// Bytes written to the file so far.
    package private(set) var written: Int64 = 0

    /// Begins a table; nothing is written yet.
    ///
    /// - Parameters:
    ///   - file: written from its current position on.
    ///   - level: the compression level, as ``GzipMemberCompressor`` takes it.
    /// - Throws: `limit` when there is no memory for a compressor.
    package init(_ file: File, level: Int = 6) throws(Fault) {
        self.file = file
        compressor = try GzipMemberCompressor(level: level)
    }

    package func write(_ bytes: [UInt8]) throws(Fault) {
        var rest = bytes[...]
        while !rest.isEmpty {
            if input.count == input.capacity { try flush() }
            let piece = rest.prefix(input.capacity - input.count)
            piece.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(rebasing: input.bytes[input.count...]).copyMemory(from: $0)
            }
            input.count += piece.count
            rest = rest.dropFirst(piece.count)
        }
    }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
        var rest = bytes
        while !rest.isEmpty {
            if input.count == input.capacity { try flush() }
            let count = min(rest.count, input.capacity - input.count)
            UnsafeMutableRawBufferPointer(rebasing: input.bytes[input.count..<input.count + count]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
            input.count += count
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Writes the rows of `writer` and clears it.
    package func write(_ writer: inout RowWriter) throws(Fault) {
        try write(writer.bytes)
        writer.clear()
    }

    /// Ends the current member: what follows can be appended as a table of its own.
    package func flush() throws(Fault) {
        guard input.count > 0 else { return }
        output.count = compressor.compress(input.contents, into: output.bytes)
        try file.write(output.contents)
        hasher.update(output.contents)
        written += Int64(output.count)
        input.count = 0
        hasMember = true
    }

    /// Ends the table; an empty one becomes one empty member, since an empty file is no gzip file.
    ///
    /// - Returns: the digest of the bytes written.
    package func finish() throws(Fault) -> Digest256 {
        if input.count == 0 && !hasMember {
            output.count = compressor.compress(input.contents, into: output.bytes)
            try file.write(output.contents)
            hasher.update(output.contents)
            written += Int64(output.count)
        }
        try flush()
        return hasher.finish()
    }
}
