import Glibc

/// What a file has beside its content. A file that has no name yet gets it in this way, and is never seen without.
extension File {
    /// Sets the owner; before the mode, since fchown(2) clears setuid.
    package func setOwner(uid: UInt32, gid: UInt32) throws(Fault) {
        guard fchown(descriptor, uid, gid) == 0 else { throw .lastSystem("set owner of", path) }
    }

    /// Sets the permission bits.
    package func setMode(_ mode: UInt32) throws(Fault) {
        guard fchmod(descriptor, mode_t(mode)) == 0 else { throw .lastSystem("set mode of", path) }
    }

    /// Sets the time of the last change, and of the last access with it.
    package func setModified(_ moment: Timestamp) throws(Fault) {
        let time = timespec(tv_sec: Int(moment.seconds), tv_nsec: Int(moment.nanoseconds))
        guard futimens(descriptor, [time, time]) == 0 else { throw .lastSystem("set times of", path) }
    }
}
