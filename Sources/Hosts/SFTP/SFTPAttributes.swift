import Glibc
import Ledger
import Platform

/// What a server tells about a file (draft, 5): whole seconds, and no inodes.
struct SFTPAttributes: Equatable, Sendable {
    var size: UInt64 = 0
    var uid: UInt32 = 0
    var gid: UInt32 = 0
    /// Type and permission bits as stat(2) has them.
    var mode: UInt32 = 0
    var modified: UInt32 = 0
    /// Which of the others were given.
    var given: Given = []

    struct Given: OptionSet, Sendable {
        let rawValue: UInt32
        static let size = Given(rawValue: 1)
        static let owner = Given(rawValue: 2)
        static let mode = Given(rawValue: 4)
        static let times = Given(rawValue: 8)
        static let extended = Given(rawValue: 0x8000_0000)
    }

    /// What has to be known to collect an entry.
    static let needed: Given = [.size, .mode, .times]

    init() {}

    init(_ decoder: inout SFTPDecoder) throws(Fault) {
        given = Given(rawValue: try decoder.number())
        if given.contains(.size) { size = try decoder.longNumber() }
        if given.contains(.owner) { (uid, gid) = (try decoder.number(), try decoder.number()) }
        if given.contains(.mode) { mode = try decoder.number() }
        if given.contains(.times) {
            _ = try decoder.number()
            modified = try decoder.number()
        }
        if given.contains(.extended) {
            var count = try decoder.number()
            while count > 0 {
                _ = try decoder.string()
                _ = try decoder.string()
                count -= 1
            }
        }
    }

    var kind: EntryKind {
        guard given.contains(.mode) else { return .unknown }
        switch mode & UInt32(S_IFMT) {
        case UInt32(S_IFREG): return .file
        case UInt32(S_IFDIR): return .directory
        case UInt32(S_IFLNK): return .symlink
        case UInt32(S_IFIFO): return .fifo
        case UInt32(S_IFSOCK): return .socket
        case UInt32(S_IFBLK): return .blockDevice
        case UInt32(S_IFCHR): return .characterDevice
        default: return .unknown
        }
    }

    /// - Throws: `damaged` for a size that no file has.
    func status(_ path: String) throws(Fault) -> SourceStatus {
        guard let size = Int64(exactly: size) else { throw Fault(.damaged, "\(path): has an impossible size") }
        return SourceStatus(
            kind: kind, size: size, modified: Timestamp(seconds: Int64(modified)), mode: mode & 0o7777, uid: uid,
            gid: gid)
    }
}
