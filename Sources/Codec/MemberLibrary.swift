package import Platform

/// A library that makes or reads members.
///
/// An archive is proved by another one than the one that made it: what both take for right is right.
package enum MemberLibrary: String, Sendable {
    case zlib, libdeflate, liblzma
    case isal = "ISA-L"
    /// Members that are not compressed.
    case none

    /// What makes members of a codec in this build.
    package init(making compression: Compression) {
        switch compression.codec {
        case .gzip:
            #if COLDCHAIN_ZLIB_ONLY
            self = .zlib
            #else
            self = compression.level == 1 ? .isal : .libdeflate
            #endif
        case .xz: self = .liblzma
        case .none: self = .none
        }
    }

    /// What proves members that this one made; liblzma has nobody beside it, nor has zlib in a build without the others.
    package var other: MemberLibrary {
        switch self {
        #if COLDCHAIN_ZLIB_ONLY
        case .zlib, .libdeflate, .isal: .zlib
        #else
        case .zlib, .isal: .libdeflate
        case .libdeflate: .isal
        #endif
        case .liblzma: .liblzma
        case .none: .none
        }
    }

    /// Makes what inflates whole members, for one thread at a time.
    ///
    /// - Throws: `limit` when there is no memory; `unsupported` for a library that this build does not have.
    package func whole() throws(Fault) -> any WholeMember {
        switch self {
        case .zlib: return SteppedMember(GzipInflater())
        case .liblzma: return SteppedMember(XzInflater())
        case .none: return SteppedMember(PlainInflater())
        #if COLDCHAIN_ZLIB_ONLY
        case .libdeflate, .isal: throw Fault(.unsupported, "\(rawValue) is not in this build")
        #else
        case .libdeflate: return OtherMember(try DeflateMember())
        case .isal: return OtherMember(try ISALMember())
        #endif
        }
    }
}
