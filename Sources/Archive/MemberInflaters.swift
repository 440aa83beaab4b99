import Codec
import Platform

/// Which library proves the members of an archive: another one than the one that made them.
struct MemberInflaters: Sendable {
    let library: String
    let make: @Sendable () throws(Fault) -> any MemberInflater

    init(madeBy header: ArchiveIndex.Header) {
        library = "zlib"
        make = { () throws(Fault) in try ZlibMemberInflater() }
    }
}
