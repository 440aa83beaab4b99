/// A file with a random id that marks a directory as the right one.
///
/// An unmounted NFS directory looks like an empty one. The id in the directory is pinned, with the identity of its file
/// system, in the state directory on local disk; a directory without it, or with another one, is refused.
package struct MountGuard: Sendable {
    /// The name of the guard file.
    package static let name = ByteString(".coldchain-guard")

    private let path: String
    private let pins: Directory

    /// Opens the place of the pins; the guarded directory is not looked at yet.
    ///
    /// - Parameters:
    ///   - path: the guarded directory.
    ///   - state: the local state directory, which holds the pins.
    /// - Throws: the system's fault when the place of the pins can't be made or opened.
    package init(_ path: String, state: Directory) throws(Fault) {
        self.path = path
        pins = try state.descendCreating(["guards"])
    }

    private var pinName: ByteString {
        ByteString(PathEscape.escape(ByteString(path)))
    }

    /// Plants the guard, or pins the one that is there (a second server on the same staging).
    ///
    /// - Parameter local: true to accept a directory that is no mount point.
    /// - Returns: the id in the guard file.
    /// - Throws: `unmounted` when the directory is no mount point and `local` is false; the system's fault when the guard
    ///   can't be read or written, or the pin can't be written.
    package func plant(local: Bool) throws(Fault) -> String {
        let directory: Directory
        if local {
            directory = try Directory.create(path)
        } else {
            // Not made: an empty directory where a mount belongs would only hide that it is missing.
            do { directory = try Directory.open(path) } catch {
                throw Fault(
                    .unmounted, "\(path): can't be opened, is it mounted?",
                    hint: "Mount the file system first, or use --local for a directory on a local disk.", cause: error)
            }
            let parent = try Directory.open(path + "/..")
            guard try parent.status().device != directory.status().device else {
                throw Fault(
                    .unmounted, "\(path): is not a mount point",
                    hint: "Mount the file system first, or use --local for a directory on a local disk.")
            }
        }
        let id: String
        if try directory.exists(MountGuard.name) {
            id = try read(directory)
        } else {
            id = RandomID.make()
            try PendingFile.write(Array("\(id)\n".utf8), to: MountGuard.name, in: directory, exclusively: true)
        }
        let pin = "\(id) \(try fileSystemName(directory))\n"
        try PendingFile.write(Array(pin.utf8), to: pinName, in: pins)
        return id
    }

    /// Opens the directory if it is the pinned one.
    ///
    /// - Throws: `unmounted` when the guard is missing or another one, or was never planted.
    package func open() throws(Fault) -> Directory {
        let hint = "Mount it; if this directory is meant, run 'collect init' (with --local on a local disk)."
        let directory: Directory
        do { directory = try Directory.open(path) } catch {
            throw Fault(.unmounted, "\(path): can't be opened, is it mounted?", hint: hint, cause: error)
        }
        guard try pins.exists(pinName) else {
            throw Fault(
                .unmounted, "\(path): this server has never been told that it is the right directory", hint: hint)
        }
        guard try directory.exists(MountGuard.name) else {
            throw Fault(
                .unmounted, "\(path): no guard file '\(MountGuard.name)', the file system is not mounted", hint: hint)
        }
        let id = try read(directory)
        let pin = String(decoding: try pins.readFile(pinName, limit: 4_096), as: UTF8.self)
            .split(whereSeparator: { $0 == " " || $0 == "\n" })
        guard pin.count == 2, pin[0] == id else {
            throw Fault(.unmounted, "\(path): the guard is '\(id)', expected '\(pin.first ?? "")'", hint: hint)
        }
        let fileSystem = try fileSystemName(directory)
        guard pin[1] == fileSystem else {
            throw Fault(
                .unmounted, "\(path): lies on file system \(fileSystem), expected \(pin[1])",
                hint: "The guard file was copied to another file system; if that is meant, run 'collect init' again.")
        }
        return directory
    }

    private func read(_ directory: Directory) throws(Fault) -> String {
        String(decoding: try directory.readFile(MountGuard.name, limit: 4_096), as: UTF8.self)
            .filter { $0 != "\n" && $0 != " " }
    }

    private func fileSystemName(_ directory: Directory) throws(Fault) -> String {
        let fileSystem = try directory.fileSystem()
        let type = String(fileSystem.type, radix: 16)
        return fileSystem.identity == 0 ? type : type + ":" + String(fileSystem.identity, radix: 16)
    }
}
