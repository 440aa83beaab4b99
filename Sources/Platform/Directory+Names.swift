import CLinux
import Glibc

/// What is in a directory.
extension Directory {
    /// All names in here but `.` and `..`, in the order of the file system.
    package func names() throws(Fault) -> [ByteString] {
        var list: [ByteString] = []
        try forEachName { name, _ in list.append(ByteString(cString: name)) }
        return list
    }

    /// Calls `body` with each name and whether the file system says that it is a directory.
    func forEachName(_ body: (UnsafePointer<CChar>, _ type: UInt8) -> Void) throws(Fault) {
        // fdopendir takes the descriptor over and moves its position, so it gets one of its own.
        let own = ".".withCString { c in clinux_openat(descriptor, c, O_RDONLY | O_DIRECTORY, 0) }
        guard own >= 0 else { throw .lastSystem("list", path) }
        guard let stream = fdopendir(own) else {
            let fault = Fault.lastSystem("list", path)
            _ = close(own)
            throw fault
        }
        defer { closedir(stream) }
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw .lastSystem("list", path) }
                return
            }
            Pulse.process.beat()
            withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: 256) { name in
                    let isDot = name[0] == 0x2E && (name[1] == 0 || (name[1] == 0x2E && name[2] == 0))
                    if !isDot { body(name, entry.pointee.d_type) }
                }
            }
        }
    }
}
