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
    static let lostAndFound = ByteString("lost+found")

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

    package func removeRemains(below prefix: String) throws(Fault) {
        guard let directory = try descend(ByteString(prefix).components)?.last else { return }
        try PendingObject.removeAllRemains(in: directory)
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
}

extension ObjectHead {
    /// A file as an object: its class has no name, and its digest is known only by reading.
    fileprivate init(_ status: FileStatus) { self.init(size: status.size, modified: status.modified) }
}
