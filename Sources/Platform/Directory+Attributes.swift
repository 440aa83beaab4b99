import CLinux
import Glibc

/// What names have beside their content; ``File`` has the same for what is open.
extension Directory {
    package func setModified(_ name: ByteString, _ moment: Timestamp) throws(Fault) {
        guard name.withCString({ clinux_utime(descriptor, $0, moment.seconds, moment.nanoseconds) }) == 0 else {
            throw .lastSystem("set times of", path(of: name))
        }
    }

    /// Sets the permission bits of a file or directory.
    ///
    /// - Throws: for a link too: it has no mode of its own, and its target is not meant (fchmodat(3)).
    package func setMode(_ name: ByteString, _ mode: UInt32) throws(Fault) {
        guard name.withCString({ fchmodat(descriptor, $0, mode_t(mode), AT_SYMLINK_NOFOLLOW) }) == 0 else {
            throw .lastSystem("set mode of", path(of: name))
        }
    }

    package func setOwner(_ name: ByteString, uid: UInt32, gid: UInt32) throws(Fault) {
        guard name.withCString({ fchownat(descriptor, $0, uid, gid, AT_SYMLINK_NOFOLLOW) }) == 0 else {
            throw .lastSystem("set owner of", path(of: name))
        }
    }
}
