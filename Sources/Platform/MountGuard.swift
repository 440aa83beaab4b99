/// A file with a random id that marks a directory as the right one.
///
/// An unmounted NFS directory looks like an empty one. The id in the directory is pinned, with the identity of its file
/// system, in the state directory on local disk; a directory without it, or with another one, is refused.
package struct MountGuard: Sendable {
    /// The name of the guard file.
    package static let name = ByteString(".coldchain-guard")

    private let path: String
    private let state: Directory

    /// What was planted: the id in the guard file, and the file system that holds it.
    private struct Pin: Equatable {
        var id: String
        var fileSystem: String
    }

    /// Nothing is looked at yet, and the place of the pins is made only when something is planted.
    ///
    /// - Parameters:
    ///   - path: the guarded directory.
    ///   - state: the local state directory, which holds the pins.
    package init(_ path: String, state: Directory) {
        self.path = path
        self.state = state
    }

    /// The directory of the pins below the state directory.
    private static let pinsName = ByteString("guards")

    private var pinName: ByteString {
        ByteString(PathEscape.escape(ByteString(path)))
    }

    // MARK: Planting

    /// Plants the guard, or pins the one that is there (a second server on the same staging).
    ///
    /// A place that has a pin keeps it: what is found there must be what was pinned, since a directory that has lost its
    /// guard is most likely one whose file system is not mounted.
    ///
    /// - Parameters:
    ///   - local: true to accept a directory that is no mount point, and to make one that is missing.
    ///   - replacing: true to give up the pin of another guard or file system.
    /// - Returns: the id in the guard file.
    /// - Throws: as ``checkPlanting(local:replacing:)``; the system's fault when the guard or the pin can't be written.
    package func plant(local: Bool, replacing: Bool = false) throws(Fault) -> String {
        try checkPlanting(local: local, replacing: replacing)
        let directory = local ? try Directory.create(path) : try Directory.open(path)
        if try !directory.exists(MountGuard.name) {
            try PendingFile.write(
                Array("\(RandomID.make())\n".utf8), to: MountGuard.name, in: directory, exclusively: true)
        }
        let found = try pin(of: directory)
        if try pinned() != found {
            let pins: Directory
            do { pins = try state.descendCreating([Self.pinsName]) } catch { throw naming(error) }
            try PendingFile.write(Array("\(found.id) \(found.fileSystem)\n".utf8), to: pinName, in: pins)
        }
        return found.id
    }

    /// Looks whether the guard can be planted, and changes nothing.
    ///
    /// - Throws: `unmounted` when the directory is not the one that is pinned and `replacing` is false, or is no mount point
    ///   and `local` is false; the system's fault when guard or pin can't be read.
    package func checkPlanting(local: Bool, replacing: Bool = false) throws(Fault) {
        let pinned = replacing ? nil : try pinned()
        let directory: Directory?
        do { directory = try Directory.open(path) } catch {
            guard local, error.code == .notFound else {
                throw Fault(
                    .unmounted, "\(path): can't be opened, is it mounted?",
                    hint: pinned == nil ? Self.mountFirst : replaceHint, cause: error)
            }
            directory = nil
        }
        if let pinned {
            guard let directory, try directory.exists(MountGuard.name) else {
                throw Fault(
                    .unmounted, "\(path): guard '\(pinned.id)' is pinned for it, but no guard is there",
                    hint: replaceHint)
            }
            let found = try pin(of: directory)
            guard found.id == pinned.id else {
                throw Fault(
                    .unmounted, "\(path): guard '\(pinned.id)' is pinned for it, but '\(found.id)' is there",
                    hint: replaceHint)
            }
            guard found.fileSystem == pinned.fileSystem else {
                throw Fault(
                    .unmounted,
                    "\(path): guard '\(pinned.id)' is pinned for file system \(pinned.fileSystem), but is there on \(found.fileSystem)",
                    hint: replaceHint)
            }
            return
        }
        guard let directory, !local else { return }
        // Not made: an empty directory where a mount belongs would only hide that it is missing.
        guard try isMountPoint(directory) else {
            throw Fault(.unmounted, "\(path): is not a mount point", hint: Self.mountFirst)
        }
    }

    private func isMountPoint(_ directory: Directory) throws(Fault) -> Bool {
        try Directory.open(path + "/..").status().device != directory.status().device
    }

    private static let mountFirst = "Mount the file system first, or use --local for a directory on a local disk."

    private var replaceHint: String {
        "Most likely another file system is mounted there, or none: mount the right one. Only where it was really replaced: 'collect init --replace-guard \(path)'."
    }

    // MARK: Opening

    /// Opens the directory if it is the pinned one.
    ///
    /// - Throws: `unmounted` when the guard is missing or another one, or was never planted.
    package func open() throws(Fault) -> Directory { try openWithID().directory }

    /// Opens the directory if it is the pinned one, and tells the id of its guard.
    ///
    /// - Throws: as ``open()``.
    package func openWithID() throws(Fault) -> (directory: Directory, id: String) {
        let pinned = try pinned()
        // Planting is the remedy only where nothing was planted; elsewhere it would take the wrong directory for the right.
        let hint =
            pinned == nil
            ? "If this is the right directory and it is mounted, run 'collect init' (with --local on a local disk)."
            : "Mount the file system that belongs there. What to do where it was really replaced stands in collect(1)."
        let directory: Directory
        do { directory = try Directory.open(path) } catch {
            throw Fault(.unmounted, "\(path): can't be opened, is it mounted?", hint: hint, cause: error)
        }
        guard let pinned else {
            throw Fault(
                .unmounted, "\(path): this server has never been told that it is the right directory", hint: hint)
        }
        guard try directory.exists(MountGuard.name) else {
            let fileSystem = Self.name(of: try directory.fileSystem())
            let isOther = fileSystem != pinned.fileSystem ? try isMountPoint(directory) : false
            throw Fault(
                .unmounted,
                "\(path): no guard file '\(MountGuard.name)', \(isOther ? "another file system is mounted there" : "the file system is not mounted")",
                hint: hint)
        }
        let found = try pin(of: directory)
        guard found.id == pinned.id else {
            throw Fault(.unmounted, "\(path): the guard is '\(found.id)', expected '\(pinned.id)'", hint: hint)
        }
        guard found.fileSystem == pinned.fileSystem else {
            throw Fault(
                .unmounted, "\(path): lies on file system \(found.fileSystem), expected \(pinned.fileSystem)",
                hint: hint)
        }
        return (directory, found.id)
    }

    // MARK: Pins

    /// The pin of this server; an edited one is a pin too, which nothing fits.
    private func pinned() throws(Fault) -> Pin? {
        let pins: Directory
        do { pins = try state.directory(Self.pinsName) } catch {
            if error.code == .notFound { return nil }
            throw naming(error)
        }
        guard try pins.exists(pinName) else { return nil }
        let words = String(decoding: try pins.readFile(pinName, limit: 4_096), as: UTF8.self)
            .split(whereSeparator: { $0 == " " || $0 == "\n" })
        return Pin(id: String(words.first ?? ""), fileSystem: words.count == 2 ? String(words[1]) : "")
    }

    private func naming(_ fault: Fault) -> Fault { fault.namingOwner(of: state.path(of: Self.pinsName)) }

    /// What a directory would be pinned as.
    private func pin(of directory: Directory) throws(Fault) -> Pin {
        let id = String(decoding: try directory.readFile(MountGuard.name, limit: 4_096), as: UTF8.self)
            .filter { $0 != "\n" && $0 != " " }
        return Pin(id: id, fileSystem: Self.name(of: try directory.fileSystem()))
    }

    private static func name(of fileSystem: FileSystem) -> String {
        let type = String(fileSystem.type, radix: 16)
        return fileSystem.identity == 0 ? type : type + ":" + String(fileSystem.identity, radix: 16)
    }
}
