import Ledger
package import Platform

/// A vault in a directory: a disk, or a network file system.
///
/// An object is a plain file whose path below the root is its key, so that `cp`, `tar` and `sha256sum` are all a restore
/// needs.
///
/// Directories get mode 0750 and objects 0640 whatever the umask is, so that the vault's group can read them. Links are
/// never followed below the root.
package struct FileStore: ObjectStore {
    let root: Directory
    /// Called between the writing of a copy and its proof with the temporary file's path, so that a test can do there
    /// what a failing disk or a kill does.
    private let onWritten: @Sendable (_ path: String) throws(Fault) -> Void

    /// The size of a piece that is read, hashed and written at once, in bytes.
    private static let pieceSize = 1 << 20
    /// What mke2fs puts at the top of a disk; not ours, and closed to ordinary users.
    private static let lostAndFound = ByteString("lost+found")

    /// A store below a directory.
    ///
    /// - Parameter root: opened and found to be the right one by the caller (``MountGuard/open()``).
    package init(_ root: Directory) { self.init(root, onWritten: { _ in }) }

    init(_ root: Directory, onWritten: @escaping @Sendable (_ path: String) throws(Fault) -> Void) {
        self.root = root
        self.onWritten = onWritten
    }

    package var description: String { "file://" + root.path }

    // MARK: One object

    package func head(_ key: ObjectKey) throws(Fault) -> ObjectHead? {
        guard let place = try existingPlace(of: key),
            let status = try place.directory.statusIfPresent(place.name)
        else { return nil }
        // A directory holds longer keys; there is no object under its own.
        if status.kind == .directory { return nil }
        guard status.kind == .file else { throw Self.notPlain(place) }
        return ObjectHead(status)
    }

    package func put(
        _ source: any RangedSource, expecting expected: ExpectedContent, to key: ObjectKey, _ options: PutOptions
    ) throws(Fault) -> PutReceipt {
        guard source.size == expected.size else {
            throw Fault(.damaged, "\(source.name): has \(source.size) bytes, expected \(expected.size)")
        }
        let place = try newPlace(for: key)
        try refuseTaken(place)
        let pending = try PendingObject(place.name, in: place.directory)
        // Once more under the lock: the last writer may just have finished.
        try refuseTaken(place)
        let buffer = Buffer(capacity: Self.pieceSize)
        try pending.write(source, expecting: expected, using: buffer)
        try onWritten(pending.path)
        try pending.prove(expected, using: buffer)
        do { try pending.appear() } catch {
            if error.code == .exists { throw Self.taken(place) }
            throw error
        }
        try place.syncNames()
        return PutReceipt(key: key, size: expected.size, sha256: expected.sha256, evidence: .reread)
    }

    /// Proves an object by reading it back from the medium.
    ///
    /// Its name is brought to stable storage too, since whoever made it may have been killed before that, and what a
    /// crash left beside it is removed.
    package func verify(_ key: ObjectKey, expecting expected: ExpectedContent) throws(Fault) -> Evidence {
        let place = try existingObject(key)
        let file = try openPlain(place)
        try file.reread(expecting: expected, using: Buffer(capacity: Self.pieceSize))
        try file.close()
        try place.syncNames()
        // Remains cost room and prove nothing; a reader without the right to remove them verifies all the same.
        try? PendingObject.removeRemains(of: place.name, in: place.directory)
        return .reread
    }

    package func open(_ key: ObjectKey) throws(Fault) -> any RangedSource {
        try FileSource(try openPlain(try existingObject(key)))
    }

    // MARK: Many objects

    package func list(prefix: String, _ each: (ObjectKey, ObjectHead) throws -> Void) throws(Fault) {
        let prefix = ByteString(prefix)
        // The prefix must be the beginning of a key, or a name in it could lead out of the vault.
        if !prefix.isEmpty {
            let isDirectory = prefix.hasSuffix(UInt8(ascii: "/"))
            _ = try ObjectKey(bytes: isDirectory ? ByteString(prefix.bytes.dropLast()) : prefix)
        }
        let split = prefix.bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        let above = ByteString(prefix.bytes[..<split])
        guard let chain = try descend(above.components), let directory = chain.last else { return }

        func report(_ path: ByteString, _ status: FileStatus) throws(Fault) {
            // Temporary files, the guard and what others put here are no objects.
            guard status.kind == .file, let key = try? ObjectKey(bytes: path) else { return }
            do { try each(key, ObjectHead(status)) } catch { throw .wrapping(error) }
        }

        // The walk can't leave branches out, so the names at the prefix's end are chosen first.
        let beginning = ByteString(prefix.bytes[split...])
        var chosen: [(order: ByteString, name: ByteString, status: FileStatus)] = []
        for name in try directory.names() where name.hasPrefix(beginning) && !name.hasPrefix(".") {
            if chain.count == 1 && name == Self.lostAndFound { continue }
            let status = try directory.status(name)
            chosen.append((status.kind == .directory ? name + "/" : name, name, status))
        }
        chosen.sort { $0.order < $1.order }
        for (order, name, status) in chosen {
            try Shutdown.check()
            let path = above + order
            guard status.kind == .directory else {
                try report(path, status)
                continue
            }
            var walk = try DirectoryWalk(try directory.directory(name))
            while let step = try walk.next() {
                switch step.status {
                case .success(let status): try report(path + step.path, status)
                case .failure(let fault):
                    // A temporary file comes and goes; anything else that can't be read leaves the listing incomplete.
                    if !step.path.components.contains(where: { $0.hasPrefix(".") }) { throw fault }
                }
            }
        }
    }

    // MARK: Places

    /// Where an object lies: its name, and the directories from the root down to the one that holds it.
    struct Place {
        let chain: [Directory]
        let directory: Directory
        let name: ByteString

        init?(_ chain: [Directory], _ key: ObjectKey) {
            guard let directory = chain.last, let name = key.components.last else { return nil }
            self.chain = chain
            self.directory = directory
            self.name = name
        }

        var path: String { directory.path(of: name) }

        /// Brings the object's name and those of all directories above it to stable storage.
        ///
        /// Directories that were there may have been made by somebody who was killed before they were synced.
        func syncNames() throws(Fault) {
            for directory in chain.reversed() { try directory.sync() }
        }
    }

    /// The directories from the root down `components`, or nothing when one isn't there.
    ///
    /// - Throws: `unsupported` when a link stands in the way.
    private func descend(_ components: [ByteString]) throws(Fault) -> [Directory]? {
        var chain = [root]
        var current = root
        for component in components {
            do { current = try current.directory(component) } catch {
                guard let status = try current.statusIfPresent(component) else { return nil }
                switch status.kind {
                case .directory:
                    guard error.code == .notFound else { throw error }
                    // Another writer has made it between the two looks.
                    current = try current.directory(component)
                case .symlink: throw Self.link(current.path(of: component))
                default: return nil
                }
            }
            chain.append(current)
        }
        return chain
    }

    func existingPlace(of key: ObjectKey) throws(Fault) -> Place? {
        guard let chain = try descend(key.components.dropLast()) else { return nil }
        return Place(chain, key)
    }

    private func existingObject(_ key: ObjectKey) throws(Fault) -> Place {
        guard let place = try existingPlace(of: key) else {
            throw Fault(.notFound, "\(root.path(of: key.bytes)): is not in the vault")
        }
        return place
    }

    /// Where a new object shall lie; the directories on the way are made.
    private func newPlace(for key: ObjectKey) throws(Fault) -> Place {
        guard key.components.first != Self.lostAndFound else {
            throw Fault(.unsupported, "\(root.path(of: key.bytes)): '\(Self.lostAndFound)' belongs to the file system")
        }
        var chain = [root]
        var current = root
        for component in key.components.dropLast() {
            current = try Self.existingOrNew(component, in: current)
            chain.append(current)
        }
        guard let place = Place(chain, key) else { throw Fault(.unsupported, "key '\(key)': names nothing") }
        return place
    }

    private static func existingOrNew(_ name: ByteString, in parent: Directory) throws(Fault) -> Directory {
        if try parent.statusIfPresent(name) == nil {
            do {
                try parent.makeDirectory(name, mode: 0o750)
                // Again, since the umask has taken bits away; a setgid bit that came from above stays.
                let status = try parent.status(name)
                if status.kind == .directory { try parent.setMode(name, status.mode & 0o2000 | 0o750) }
            } catch {
                // Another writer was faster.
                guard error.code == .exists else { throw error }
            }
        }
        do { return try parent.directory(name) } catch {
            switch try parent.statusIfPresent(name)?.kind {
            case .symlink: throw link(parent.path(of: name))
            case .file: throw Fault(.exists, "\(parent.path(of: name)): is an object, so no other can lie below it")
            default: throw error
            }
        }
    }

    private func refuseTaken(_ place: Place) throws(Fault) {
        if try place.directory.exists(place.name) { throw Self.taken(place) }
    }

    private func openPlain(_ place: Place) throws(Fault) -> File {
        guard let status = try place.directory.statusIfPresent(place.name), status.kind != .directory else {
            throw Fault(.notFound, "\(place.path): is not in the vault")
        }
        guard status.kind == .file else { throw Self.notPlain(place) }
        let file = try place.directory.openFile(place.name)
        guard try file.status().kind == .file else { throw Self.notPlain(place) }
        return file
    }

    // MARK: Faults

    private static func taken(_ place: Place) -> Fault {
        Fault(.exists, "\(place.path): is in the vault already, and nothing there is overwritten")
    }

    private static func notPlain(_ place: Place) -> Fault {
        Fault(
            .unsupported, "\(place.path): is neither a plain file nor a directory",
            hint: "Nothing of ours makes such a file in a vault; find out what did, and move it away.")
    }

    private static func link(_ path: String) -> Fault {
        Fault(
            .unsupported, "\(path): is a symbolic link, and none is followed in a vault",
            hint: "Put the directory itself there, or mount it there.")
    }
}

extension ObjectHead {
    /// A file as an object: its class has no name, and its digest is known only by reading.
    fileprivate init(_ status: FileStatus) { self.init(size: status.size, modified: status.modified) }
}
