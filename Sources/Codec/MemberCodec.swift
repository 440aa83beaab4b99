package import Platform

/// How the members of an archive are compressed: the one place that knows every codec.
///
/// What an archive's name ends in, what makes its members, what reads them. A member stands alone: cut out of the archive
/// it is a file that the stock program of the codec reads.
package enum MemberCodec: String, CaseIterable, Sendable {
    /// gzip members (RFC 1952).
    case gzip
    /// .xz streams of one block each.
    case xz
    /// Not compressed: a plain tar.
    case none

    /// What the name of an archive ends in.
    package var suffix: String {
        switch self {
        case .gzip: ".tar.gz"
        case .xz: ".tar.xz"
        case .none: ".tar"
        }
    }

    /// The codec of an archive's file or key, by what its name ends in.
    package init?(ofName name: String) {
        guard let codec = Self.allCases.first(where: { name.hasSuffix($0.suffix) }) else { return nil }
        self = codec
    }

    /// Whether the data itself tells where a member ends; else only the index does.
    package var marksMembers: Bool { self != .none }

    /// The levels that it has, from fast to small; none where there is nothing to choose.
    package var levels: ClosedRange<Int>? {
        switch self {
        case .gzip: 1...12
        case .xz: 1...9
        case .none: nil
        }
    }

    /// The level of a name: `fast`, `balanced` or `small`.
    package func level(_ name: NamedLevel) -> Int {
        switch (self, name) {
        case (.gzip, .fast), (.xz, .fast), (.xz, .balanced): 1
        case (.gzip, .balanced), (.xz, .small): 6
        case (.gzip, .small): 9
        case (.none, _): 0
        }
    }

    /// The most bytes that a member of `count` input bytes can have, at any level.
    package func bound(_ count: Int) -> Int {
        switch self {
        case .gzip: GzipMemberCompressor.bound(count)
        case .xz: XzMemberCompressor.bound(count)
        case .none: count
        }
    }

    /// Room for a member of `count` input bytes, whatever its codec.
    package static func mostBound(_ count: Int) -> Int { allCases.map { $0.bound(count) }.max() ?? count }

    /// Makes what compresses members, for one thread at a time.
    ///
    /// - Throws: `limit` when there is no memory, or no such level.
    package func compressor(level: Int) throws(Fault) -> any MemberCompressor {
        switch self {
        case .gzip: try GzipMemberCompressor(level: level)
        case .xz: try XzMemberCompressor(level: level)
        case .none: PlainMemberCompressor()
        }
    }

    /// Makes what takes members apart.
    package func inflater() -> any MemberInflater {
        switch self {
        case .gzip: GzipInflater()
        case .xz: XzInflater()
        case .none: PlainInflater()
        }
    }

    /// Reads members from front to back.
    ///
    /// - Parameters:
    ///   - source: holds the members.
    ///   - range: the part of the source that holds whole members; all of it when left out.
    /// - Returns: the reader, which has read nothing yet.
    package func reader(_ source: any RangedSource, range: Range<Int64>? = nil) -> MemberReader {
        MemberReader(source, inflater(), range: range)
    }
}
