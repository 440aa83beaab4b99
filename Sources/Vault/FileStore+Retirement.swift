import Ledger
package import Platform

/// A directory has no tags: the mark of an object is a file beside it, `.NAME.retired`, which no listing shows.
extension FileStore: RetiringStore {
    /// What stands in the mark, and which object it is of: one that is put there later is not marked by it.
    private struct Mark: Codable {
        var format = JSONFile.format
        var retiredAt: String
        var run: String
        var size: Int64
        var modifiedSeconds: Int64
        var modifiedNanoseconds: UInt32

        func isOf(_ status: FileStatus) -> Bool {
            size == status.size && modifiedSeconds == status.modified.seconds
                && modifiedNanoseconds == status.modified.nanoseconds
        }
    }

    package var removesByItself: Bool { false }

    /// The time by the clock of the file system, which another server may keep.
    package func moment() throws(Fault) -> Timestamp { try root.unnamedFile().status().modified }

    package func deletionRules() throws(Fault) -> DeletionRules? { nil }

    package func standing(_ key: ObjectKey) throws(Fault) -> ObjectStanding? {
        try head(key).map { ObjectStanding($0) }
    }

    private static func markName(of name: ByteString) -> ByteString {
        let short = name.count <= 240 ? [name] : StagedPath.components(of: name)
        return "." + (short.first ?? name) + ".retired"
    }

    private func mark(_ place: Place) throws(Fault) -> (mark: Mark, status: FileStatus)? {
        guard let status = try place.directory.statusIfPresent(place.name), status.kind == .file,
            let mark = try JSONFile.read(Mark.self, Self.markName(of: place.name), in: place.directory),
            mark.isOf(status)
        else { return nil }
        return (mark, status)
    }

    package func retirement(_ key: ObjectKey) throws(Fault) -> Retirement? {
        guard let place = try existingPlace(of: key), let (mark, status) = try mark(place) else { return nil }
        return Retirement(at: Timestamp(rfc3339: mark.retiredAt) ?? status.modified, run: mark.run)
    }

    package func retire(_ key: ObjectKey, _ mark: Retirement) throws(Fault) -> Bool {
        guard let place = try existingPlace(of: key),
            let status = try place.directory.statusIfPresent(place.name), status.kind == .file
        else { return false }
        if try self.mark(place) != nil { return true }
        let pending = try PendingFile(
            Self.markName(of: place.name), in: place.directory, mode: PendingObject.mode)
        try pending.file.write(
            try JSONFile.encode(
                Mark(
                    retiredAt: mark.at.rfc3339, run: mark.run, size: status.size,
                    modifiedSeconds: status.modified.seconds, modifiedNanoseconds: status.modified.nanoseconds)))
        try pending.commit()
        return true
    }

    package func takeBack(_ key: ObjectKey) throws(Fault) -> TakenBack {
        guard let place = try existingPlace(of: key) else { return .gone }
        let wasMarked = try mark(place) != nil
        // Also one that an object of the name before has left.
        try place.directory.removeIfPresent(Self.markName(of: place.name))
        try place.directory.sync()
        guard try place.directory.exists(place.name) else { return .gone }
        return wasMarked ? .unmarked : .wasLive
    }

    package func remove(_ key: ObjectKey, retiredBefore moment: Timestamp) throws(Fault) -> Bool {
        guard let place = try existingPlace(of: key) else { return true }
        let name = Self.markName(of: place.name)
        if try place.directory.exists(place.name) {
            guard let (mark, _) = try mark(place), let at = Timestamp(rfc3339: mark.retiredAt), at <= moment else {
                return false
            }
            // The object first: a mark alone says nothing, an object without its mark would be taken for a live one.
            try place.directory.remove(place.name)
            try place.directory.sync()
        }
        // Also what somebody who was killed has left.
        try place.directory.removeIfPresent(name)
        // Directories that have nothing any more; the job's own stays.
        for (directory, (parent, name)) in zip(
            place.chain.reversed(), zip(place.chain.dropLast(), key.components).reversed())
        where place.chain.count > 1 && parent !== root {
            guard try directory.names().isEmpty else { break }
            // Another writer may just have put something there.
            do { try parent.removeDirectory(name) } catch { break }
        }
        return true
    }

    package func canHold() throws(Fault) -> Bool { false }

    package func setHold(_ isOn: Bool, _ key: ObjectKey) throws(Fault) -> Bool {
        throw Fault(.unsupported, "\(description): a directory has no legal holds of its own")
    }
}
