import Glibc
package import Platform

/// Makes files of every kind below a directory.
///
/// Paths are relative, in raw bytes; what is missing above is made.
package struct TreeBuilder: Sendable {
    package let root: Directory

    package init(_ path: String) throws(Fault) { root = try Directory.create(path) }
    package init(_ root: Directory) { self.root = root }

    private func place(_ path: ByteString) throws(Fault) -> (Directory, ByteString) {
        var components = path.components
        guard let name = components.popLast() else { throw Fault(.usage, "an empty path") }
        var directory = root
        for component in components {
            if try !directory.exists(component) { try directory.makeDirectory(component, mode: 0o755) }
            directory = try directory.directory(component)
        }
        return (directory, name)
    }

    private func finish(
        _ directory: Directory, _ name: ByteString, _ mode: UInt32?, _ modified: Timestamp?
    ) throws(Fault) {
        // Not by the mode of creation, which the umask cuts.
        if let mode { try directory.setMode(name, mode) }
        if let modified { try directory.setModified(name, modified) }
    }

    /// Writes a file, replacing one of this name.
    package func file(
        _ path: ByteString, _ content: [UInt8] = [], mode: UInt32? = 0o644, modified: Timestamp? = nil
    ) throws(Fault) {
        let (directory, name) = try place(path)
        let file = try directory.createFile(name)
        try file.write(content)
        try file.close()
        try finish(directory, name, mode, modified)
    }

    /// Writes a text file, replacing one of this name.
    package func file(
        _ path: ByteString, text: String, mode: UInt32? = 0o644, modified: Timestamp? = nil
    ) throws(Fault) {
        try file(path, Array(text.utf8), mode: mode, modified: modified)
    }

    /// Writes a file of `size` bytes that is a hole but for the pieces given by their offsets.
    package func sparseFile(
        _ path: ByteString, size: Int64, _ pieces: [Int64: [UInt8]] = [:], mode: UInt32? = 0o644,
        modified: Timestamp? = nil
    ) throws(Fault) {
        let (directory, name) = try place(path)
        let file = try directory.createFile(name)
        for (offset, bytes) in pieces {
            try file.seek(to: offset)
            try file.write(bytes)
        }
        try file.truncate(to: size)
        try file.close()
        try finish(directory, name, mode, modified)
    }

    /// Makes a directory, or gives an existing one its mode and time.
    ///
    /// Entries made in it later change its time, so directories with a time come last, from the leaves up.
    package func directory(_ path: ByteString, mode: UInt32? = 0o755, modified: Timestamp? = nil) throws(Fault) {
        let (directory, name) = try place(path)
        if try !directory.exists(name) { try directory.makeDirectory(name) }
        try finish(directory, name, mode, modified)
    }

    package func symlink(_ path: ByteString, to target: ByteString, modified: Timestamp? = nil) throws(Fault) {
        let (directory, name) = try place(path)
        try directory.makeLink(name, to: target)
        try finish(directory, name, nil, modified)
    }

    /// Gives the file at `existing` a further name.
    package func hardLink(_ path: ByteString, to existing: ByteString) throws(Fault) {
        let (directory, name) = try place(path)
        let (other, old) = try place(existing)
        try directory.makeHardLink(name, to: old, in: other)
    }

    package func fifo(_ path: ByteString, mode: UInt32? = 0o644, modified: Timestamp? = nil) throws(Fault) {
        let (directory, name) = try place(path)
        guard name.withCString({ mkfifoat(directory.descriptor, $0, 0o600) }) == 0 else {
            throw .lastSystem("make fifo", directory.path(of: name))
        }
        try finish(directory, name, mode, modified)
    }

    /// Leaves the file of a unix socket that nobody listens on.
    package func socket(_ path: ByteString, mode: UInt32? = 0o644, modified: Timestamp? = nil) throws(Fault) {
        let (directory, name) = try place(path)
        // An address holds 107 bytes (unix(7)), a path may be longer: by way of the descriptor only the name counts.
        let bytes = Array("/proc/self/fd/\(directory.descriptor)/".utf8) + name.bytes
        var address = sockaddr_un()
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw Fault(.limit, "socket name \(name): too long")
        }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw .lastSystem("make socket", directory.path(of: name)) }
        defer { close(descriptor) }
        let bound = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0 else { throw .lastSystem("bind", directory.path(of: name)) }
        try finish(directory, name, mode, modified)
    }
}
