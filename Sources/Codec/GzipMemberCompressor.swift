package import Platform

/// Makes gzip members (RFC 1952) out of whole blocks: level 1 with ISA-L, 2 to 12 with libdeflate, and all of them with zlib
/// in a build without these two.
///
/// MTIME is 0 and there is no name, so the same input gives the same bytes. One thread at a time.
package final class GzipMemberCompressor: MemberCompressor {
    private let encoder: any GzipEncoder
    private let stored: any GzipEncoder
    private let probe: any GzipEncoder
    private let sample: UnsafeMutableRawBufferPointer

    private static let sampleSize = 16 << 10
    /// Header and trailer of a member.
    private static let frame = 18

    /// Allocates three encoders: for `level`, for storing, and for the samples that decide between them.
    ///
    /// - Parameter level: 1 to 12; 6 and 9 are like those of gzip(1).
    /// - Throws: `limit` when there is no memory, or no such level.
    package init(level: Int) throws(Fault) {
        guard let encoder = Self.encoder(level: level), let stored = Self.storing(), let probe = Self.probe(for: level)
        else { throw Fault(.limit, "no memory for a deflate compressor of level \(level)") }
        self.encoder = encoder
        self.stored = stored
        self.probe = probe
        sample = .allocate(byteCount: Self.bound(Self.sampleSize), alignment: 16)
    }

    deinit { sample.deallocate() }

    #if COLDCHAIN_ZLIB_ONLY
    private static func encoder(level: Int) -> (any GzipEncoder)? {
        MemberCodec.gzip.levels?.contains(level) ?? false ? ZlibEncoder(level: level) : nil
    }

    private static func storing() -> (any GzipEncoder)? { ZlibEncoder(level: 0) }

    private static func probe(for level: Int) -> (any GzipEncoder)? { ZlibEncoder(level: 1) }
    #else
    private static func encoder(level: Int) -> (any GzipEncoder)? {
        switch level {
        case 1: ISALEncoder()
        case 2...: DeflateEncoder(level: level)
        default: nil
        }
    }

    private static func storing() -> (any GzipEncoder)? { DeflateEncoder(level: 0) }

    /// The probe must cost little beside the level itself.
    private static func probe(for level: Int) -> (any GzipEncoder)? {
        level == 1 ? ISALEncoder() : DeflateEncoder(level: 1)
    }
    #endif

    /// The most bytes that a member of `count` input bytes can have, at any level.
    ///
    /// Stored blocks, should all come to that: libdeflate makes them of 5 000 bytes and more, each with 5 bytes before it;
    /// zlib's grow by less (deflateBound).
    package static func bound(_ count: Int) -> Int { count + 5 * (count / 5_000 + 1) + (count >> 12) + 64 }

    /// Compresses `input` into one member.
    ///
    /// Input that does not shrink (it is compressed already) is stored: four samples decide, so the answer depends on
    /// the input alone and costs little.
    ///
    /// - Parameters:
    ///   - input: the bytes of the member; none make an empty member.
    ///   - output: at least ``bound(_:)`` bytes.
    /// - Returns: the size of the member.
    package func compress(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int {
        let chosen = isIncompressible(input) ? stored : encoder
        let count = chosen.encode(input, into: output)
        precondition(count > 0, "the output has room for the bound")
        return count
    }

    private func isIncompressible(_ input: UnsafeRawBufferPointer) -> Bool {
        guard input.count >= 8 * Self.sampleSize else { return false }
        for quarter in 0..<4 {
            let start = input.count / 4 * quarter
            let piece = UnsafeRawBufferPointer(rebasing: input[start..<(start + Self.sampleSize)])
            let count = probe.encode(piece, into: sample)
            if count - Self.frame < Self.sampleSize * 98 / 100 { return false }
        }
        return true
    }
}
