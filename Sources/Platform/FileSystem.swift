import CLinux

/// What fstatfs(2) tells of a file system.
package struct FileSystem: Sendable, Equatable {
    /// The magic number of its kind.
    package let type: UInt64
    /// Its identity across mounts; 0 where the kind has none that lasts.
    package let identity: UInt64
    /// Bytes free for this user.
    package let free: Int64
    package let size: Int64

    /// Whether f_fsid comes from the file system itself, as on ext2/3/4, Btrfs and ZFS.
    ///
    /// XFS, F2FS, FAT and tmpfs give the number of the device, which may be another after a reboot; network file
    /// systems and FUSE give nothing.
    static func keepsIdentity(_ type: UInt64) -> Bool {
        [0xEF53, 0x9123_683E, 0x2FC1_2FC1].contains(UInt32(truncatingIfNeeded: type))
    }
}

extension Directory {
    /// The file system that holds this directory.
    package func fileSystem() throws(Fault) -> FileSystem {
        var (type, identity, free, size): (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        guard clinux_filesystem(descriptor, &type, &identity, &free, &size) == 0 else {
            throw .lastSystem("stat file system of", path)
        }
        return FileSystem(
            type: type, identity: FileSystem.keepsIdentity(type) ? identity : 0,
            free: Int64(clamping: free), size: Int64(clamping: size))
    }
}
