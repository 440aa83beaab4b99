import AWS
package import Platform

extension S3Store: RetiringStore {
    /// The tags of an object that is retired, beside ``retiredTag``.
    package static let retiredAtTag = "coldchain-retired-at"
    package static let runTag = "coldchain-run"
    /// An object has no more (S3 API, PutObjectTagging).
    private static let mostTags = 10

    package var removesByItself: Bool { true }

    package func moment() throws(Fault) -> Timestamp { try client.askServiceTime() }

    package func deletionRules() throws(Fault) -> DeletionRules? {
        let rules = LifecycleRules(prefix: S3Client.text(prefix), grace: 0)
        let live = try client.configuration(.lifecycle)
        return DeletionRules(
            refused: rules.dangerous(in: live).map {
                BucketSetup.RefusedRule(id: $0.text("ID") ?? "", document: $0.indented())
            }, deletesRetired: rules.deletesRetired(in: live))
    }

    package func standing(_ key: ObjectKey) throws(Fault) -> ObjectStanding? { try standing(at: full(key)) }

    /// The same of any object in the bucket, whose key need not be one of ours.
    ///
    /// - Parameter key: in the bucket, with the vault's prefix.
    /// - Returns: nothing where there is none.
    /// - Throws: as the call for one of our keys.
    package func standing(at key: ByteString) throws(Fault) -> ObjectStanding? {
        guard let info = try client.head(key) else { return nil }
        let head = ObjectHead(
            size: info.size, modified: info.modified ?? Timestamp(seconds: 0), storageClass: info.storageClass)
        // With or without a fraction of a second; one that can't be read never ends.
        let until = info.lockUntil.map { Timestamp(rfc3339: $0.prefix(19) + "Z") ?? Timestamp(seconds: Int64.max / 4) }
        return ObjectStanding(head, lockedUntil: until, isHeld: info.isHeld)
    }

    package func retirement(_ key: ObjectKey) throws(Fault) -> Retirement? { try retirement(at: full(key)) }

    /// The same of any object in the bucket.
    package func retirement(at key: ByteString) throws(Fault) -> Retirement? {
        guard let info = try client.head(key) else { return nil }
        return Self.mark(try client.tags(key, version: info.version), info)
    }

    private static func mark(_ tags: [String: String], _ info: S3ObjectInfo) -> Retirement? {
        guard tags[retiredTag] == retiredValue else { return nil }
        let at = tags[retiredAtTag].flatMap { Timestamp(rfc3339: $0) }
        return Retirement(at: at ?? info.modified ?? Timestamp(seconds: 0), run: tags[runTag] ?? "")
    }

    package func retire(_ key: ObjectKey, _ mark: Retirement) throws(Fault) -> Bool { try retire(at: full(key), mark) }

    /// Reads the tags of the version that is there, merges, and writes them to that very version.
    ///
    /// - Parameters:
    ///   - key: in the bucket, with the vault's prefix.
    ///   - mark: what the tags tell.
    /// - Returns: false when there is no such object.
    /// - Throws: as the call for one of our keys.
    package func retire(at key: ByteString, _ mark: Retirement) throws(Fault) -> Bool {
        guard let info = try client.head(key) else { return false }
        let found = try client.tags(key, version: info.version)
        if Self.mark(found, info) != nil { return true }
        var tags = found
        tags[Self.retiredTag] = Self.retiredValue
        // What only people read gives way to tags of others.
        if tags.count < Self.mostTags { tags[Self.retiredAtTag] = mark.at.rfc3339 }
        if tags.count < Self.mostTags, tags[Self.runTag] == nil, !mark.run.isEmpty { tags[Self.runTag] = mark.run }
        guard tags.count <= Self.mostTags else {
            throw Fault(
                .limit, "\(client.name(key)): has \(found.count) tags, so there is no room for \(Self.retiredTag)",
                hint: "Take one of them off.")
        }
        try client.putTags(tags, key, version: info.version)
        return true
    }

    package func takeBack(_ key: ObjectKey) throws(Fault) -> TakenBack { try takeBack(at: full(key)) }

    /// The same of any object in the bucket.
    ///
    /// - Parameter key: in the bucket, with the vault's prefix.
    /// - Returns: what was there.
    /// - Throws: as the call for one of our keys.
    package func takeBack(at key: ByteString) throws(Fault) -> TakenBack {
        if let info = try client.head(key) {
            return try unmark(key, version: info.version) ? .unmarked : .wasLive
        }
        // Newest first, as the service orders them: markers above the version that they hide.
        var markers: [String] = []
        var hidden: String?
        try client.versions(prefix: key) { version throws(Fault) in
            guard version.key == key, hidden == nil else { return }
            if version.isDeleteMarker { markers.append(version.version) } else { hidden = version.version }
        }
        guard let hidden, !markers.isEmpty else { return .gone }
        // Its mark first: the lifecycle would hide it again.
        _ = try unmark(key, version: hidden)
        for marker in markers {
            do throws(Fault) { try client.removeVersion(marker, of: key) } catch {
                throw error.hinting(
                    "Its delete marker has to be removed: allow s3:DeleteObjectVersion for that, which the bucket policy of 'ship setup' denies."
                )
            }
        }
        return .uncovered
    }

    private func unmark(_ key: ByteString, version: String?) throws(Fault) -> Bool {
        let found = try client.tags(key, version: version)
        var tags = found
        tags[Self.retiredTag] = nil
        tags[Self.retiredAtTag] = nil
        guard tags != found else { return false }
        try client.putTags(tags, key, version: version)
        return true
    }

    package func remove(_ key: ObjectKey, retiredBefore moment: Timestamp) throws(Fault) -> Bool {
        throw Fault(.unsupported, "\(name(key)): the lifecycle of the bucket deletes what is retired")
    }

    package func canHold() throws(Fault) -> Bool {
        try client.configuration(.objectLock)?.text("ObjectLockEnabled") == "Enabled"
    }

    package func setHold(_ isOn: Bool, _ key: ObjectKey) throws(Fault) -> Bool { try setHold(isOn, at: full(key)) }

    /// The same of any object in the bucket.
    ///
    /// - Parameters:
    ///   - isOn: true to set it.
    ///   - key: in the bucket, with the vault's prefix.
    /// - Returns: false when there is no such object.
    /// - Throws: as the call for one of our keys.
    package func setHold(_ isOn: Bool, at key: ByteString) throws(Fault) -> Bool {
        guard let info = try client.head(key) else { return false }
        try client.putLegalHold(isOn, key, version: info.version)
        return true
    }
}
