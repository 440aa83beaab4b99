import Codec
package import Platform

/// The tar of any archive from front to back, whoever made it: tar.gz, tar.xz, tar.zst or tar.
///
/// Everything that the compression has to check is checked: CRC and length of gzip by zlib, the checks of xz and zstd by
/// their own libraries, not by libarchive, which passes over those of gzip. Data that is cut off, or followed by what is none of it, is a fault.
package final class ArchiveStream: ByteStream {
    package let format: ArchiveFormat
    private let stream: any ByteStream
    /// Members of gzip, streams of xz that have ended so far.
    package private(set) var members: Int64 = 0

    /// Looks at the first bytes.
    ///
    /// - Throws: `damaged` for a file that is no archive; what the source throws.
    package convenience init(_ source: any RangedSource) throws(Fault) {
        guard let format = try ArchiveFormat(of: source) else {
            throw Fault(
                .damaged,
                source.size == 0
                    ? "\(source.name): is empty" : "\(source.name): is no archive: neither gzip, xz, zstd nor tar")
        }
        try self.init(source, format)
    }

    /// Takes the format as known: the source is read once, from front to back.
    init(_ source: any RangedSource, _ format: ArchiveFormat) throws(Fault) {
        self.format = format
        switch format {
        case .gzip, .xz:
            let reader = (format == .gzip ? MemberCodec.gzip : .xz).reader(source)
            stream = reader
            reader.onMemberEnd = { [weak self] (_: Int64) throws(Fault) in self?.members += 1 }
        case .zstd: stream = try ZstdStream(source)
        case .tar: stream = RangesStream(source, [0..<source.size])
        }
    }

    package var name: String { stream.name }

    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(Fault) -> Int {
        try stream.read(into: buffer)
    }
}
