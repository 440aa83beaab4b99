import CLinux
import Glibc

/// What statx(2) tells of a file.
package struct FileStatus: Sendable, Equatable {
    package enum Kind: Sendable, Equatable { case file, directory, symlink, fifo, socket, block, character, unknown }

    package var kind: Kind
    package var size: Int64
    /// Permission bits with setuid, setgid and sticky.
    package var mode: UInt32
    package var uid: UInt32
    package var gid: UInt32
    package var modified: Timestamp
    package var device: UInt64
    package var inode: UInt64
    package var links: UInt32
    /// Bytes allocated on disk; far less than ``size`` for a file with holes.
    package var allocated: Int64

    init(_ raw: clinux_status) {
        switch raw.mode & UInt32(S_IFMT) {
        case UInt32(S_IFREG): kind = .file
        case UInt32(S_IFDIR): kind = .directory
        case UInt32(S_IFLNK): kind = .symlink
        case UInt32(S_IFIFO): kind = .fifo
        case UInt32(S_IFSOCK): kind = .socket
        case UInt32(S_IFBLK): kind = .block
        case UInt32(S_IFCHR): kind = .character
        default: kind = .unknown
        }
        size = Int64(clamping: raw.size)
        mode = raw.mode & 0o7777
        uid = raw.uid
        gid = raw.gid
        modified = Timestamp(seconds: raw.modified_seconds, nanoseconds: raw.modified_nanoseconds)
        device = raw.device
        inode = raw.inode
        links = raw.links
        allocated = Int64(clamping: raw.blocks) * 512
    }
}
