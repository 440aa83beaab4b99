import CLinux
import Glibc

/// Names that go.
extension Directory {
    package func remove(_ name: ByteString) throws(Fault) {
        guard name.withCString({ unlinkat(descriptor, $0, 0) }) == 0 else {
            throw .lastSystem("remove", path(of: name))
        }
    }

    /// Removes `name` where it is there.
    package func removeIfPresent(_ name: ByteString) throws(Fault) {
        if name.withCString({ unlinkat(descriptor, $0, 0) }) != 0 && errno != ENOENT {
            throw .lastSystem("remove", path(of: name))
        }
    }

    package func removeDirectory(_ name: ByteString) throws(Fault) {
        guard name.withCString({ unlinkat(descriptor, $0, AT_REMOVEDIR) }) == 0 else {
            throw .lastSystem("remove directory", path(of: name))
        }
    }

    /// Removes `name` and all below it.
    ///
    /// Links are removed, never followed.
    package func removeTree(_ name: ByteString) throws(Fault) {
        var raw = clinux_status()
        guard name.withCString({ clinux_statat(descriptor, $0, 0, &raw) }) == 0 else {
            if errno == ENOENT { return }
            throw .lastSystem("stat", path(of: name))
        }
        guard FileStatus(raw).kind == .directory else { return try remove(name) }
        // A loop with its own stack, since a thread's stack ends before a hostile tree does; and with one descriptor,
        // since those end even sooner: the way up is `..`, as long as that is the directory the way down came from.
        var here = try directory(name)
        var way = [try RemovalLevel(name, here)]
        while var level = way.popLast() {
            if let next = level.names.popLast() {
                way.append(level)
                if next.withCString({ c in retryingInterrupts { unlinkat(here.descriptor, c, 0) } }) == 0 { continue }
                guard errno == EISDIR else { throw .lastSystem("remove", here.path(of: next)) }
                here = try here.directory(next)
                way.append(try RemovalLevel(next, here))
            } else if let above = way.last {
                here = try here.parent(expecting: above.status)
                try here.removeDirectory(level.name)
            } else {
                try removeDirectory(name)
            }
        }
    }

    /// The directory above, as long as nobody has moved this one elsewhere.
    private func parent(expecting expected: FileStatus) throws(Fault) -> Directory {
        let descriptor = "..".withCString { clinux_openat(self.descriptor, $0, O_RDONLY | O_DIRECTORY, 0) }
        guard descriptor >= 0 else { throw .lastSystem("open", path + "/..") }
        let directory = Directory(descriptor: descriptor, trail: trail.parent ?? Trail("..", below: trail))
        let status = try directory.status()
        guard status.device == expected.device, status.inode == expected.inode else {
            throw Fault(.changed, "\(path): was moved elsewhere while its tree was removed")
        }
        return directory
    }
}

/// One directory on the way down of ``Directory/removeTree(_:)``.
private struct RemovalLevel {
    let name: ByteString
    let status: FileStatus
    var names: [ByteString]

    init(_ name: ByteString, _ directory: Directory) throws(Fault) {
        self.name = name
        status = try directory.status()
        names = try directory.names()
    }
}
