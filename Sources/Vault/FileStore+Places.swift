import Platform

/// Where objects lie: found or made, and refused where something else is in the way.
extension FileStore {
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
    func descend(_ components: [ByteString]) throws(Fault) -> [Directory]? {
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

    func existingObject(_ key: ObjectKey) throws(Fault) -> Place {
        guard let place = try existingPlace(of: key) else {
            throw Fault(.notFound, "\(root.path(of: key.bytes)): is not in the vault")
        }
        return place
    }

    /// Where a new object shall lie; the directories on the way are made.
    func newPlace(for key: ObjectKey) throws(Fault) -> Place {
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

    func refuseTaken(_ place: Place) throws(Fault) {
        if try place.directory.exists(place.name) { throw Self.taken(place) }
    }

    func openPlain(_ place: Place) throws(Fault) -> File {
        guard let status = try place.directory.statusIfPresent(place.name), status.kind != .directory else {
            throw Fault(.notFound, "\(place.path): is not in the vault")
        }
        guard status.kind == .file else { throw Self.notPlain(place) }
        let file = try place.directory.openFile(place.name)
        guard try file.status().kind == .file else { throw Self.notPlain(place) }
        return file
    }

    // MARK: Faults

    static func taken(_ place: Place) -> Fault {
        Fault(.exists, "\(place.path): is in the vault already, and nothing there is overwritten")
    }

    static func notPlain(_ place: Place) -> Fault {
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
