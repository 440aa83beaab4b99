import AWS
import Codec
package import Platform

extension S3Store {
    /// The tag by which the lifecycle knows what it may delete, and its value.
    package static let retiredTag = "coldchain-retired"
    package static let retiredValue = "true"
    /// A day: locks are told in whole days by some servers.
    private static let lockSlack: Int64 = 86_400

    /// Compares what HEAD and the tags tell with the settings, and the content where it is read.
    package func examine(
        _ key: ObjectKey, expecting expected: ExpectedContent?, _ putOptions: PutOptions,
        _ reading: ObjectExamination.Reading
    ) throws(Fault) -> ObjectExamination {
        var result = ObjectExamination()
        do throws(Fault) {
            guard let info = try client.head(full(key)) else {
                result.findings.append(ObjectFinding(.missing, key, "is not in the vault"))
                return result
            }
            result.head = ObjectHead(
                size: info.size, modified: info.modified ?? Timestamp(seconds: 0), storageClass: info.storageClass)
            result.evidence = .head
            let wanted = options.storageClass(putOptions.role)
            if !wanted.isEmpty, info.storageClass != wanted {
                result.findings.append(ObjectFinding(.wrongClass, key, "is in \(info.storageClass), not in \(wanted)"))
            }
            if let finding = lockFinding(info, key) { result.findings.append(finding) }
            try examineTags(key, putOptions.tags, &result)
            if let expected { try examineContent(key, info, expected, reading, &result) }
        } catch {
            result.findings.append(try .told(error, key))
        }
        return result
    }

    private func examineContent(
        _ key: ObjectKey, _ info: S3ObjectInfo, _ expected: ExpectedContent, _ reading: ObjectExamination.Reading,
        _ result: inout ObjectExamination
    ) throws(Fault) {
        guard info.size == expected.size else {
            result.findings.append(.size(info.size, expected.size, key))
            return
        }
        let isTold = try matchesChecksum(info, key, expected)
        if isTold { result.evidence = .checksum }
        if !isTold, let marked = info.metadata[Self.digestName], marked != expected.sha256.description {
            result.findings.append(
                ObjectFinding(.altered, key, "is marked as sha256 \(marked), expected \(expected.sha256)"))
            return
        }
        guard reading == .always || (reading == .unlessTold && !isTold) else { return }
        let evidence = try reread(key, info, expected)
        result.isArchived = evidence == .head && expected.size > 0
        result.evidence = max(result.evidence ?? .head, evidence)
    }

    func lockFinding(_ info: S3ObjectInfo, _ key: ObjectKey) -> ObjectFinding? {
        guard let lock = options.lock, let written = info.modified else { return nil }
        let wanted = Timestamp(seconds: written.seconds + Int64(lock.days) * 86_400)
        // A lock that has run out as it should.
        guard wanted > options.clock.now() else { return nil }
        guard let mode = info.lockMode, let text = info.lockUntil else {
            return ObjectFinding(.unlocked, key, "is not locked, or its lock may not be seen; expected \(lock.mode)")
        }
        // With or without a fraction of a second.
        guard let until = Timestamp(rfc3339: text.prefix(19) + "Z"),
            until.seconds + Self.lockSlack >= wanted.seconds
        else { return ObjectFinding(.unlocked, key, "is locked until \(text), expected \(wanted.rfc3339)") }
        // What is locked in the stricter mode is locked.
        guard mode == lock.mode || mode == "COMPLIANCE" else {
            return ObjectFinding(.unlocked, key, "is locked in mode \(mode), not \(lock.mode)")
        }
        return nil
    }

    private func examineTags(_ key: ObjectKey, _ wanted: [String: String], _ result: inout ObjectExamination)
        throws(Fault)
    {
        let tags = try client.tags(full(key))
        if tags[Self.retiredTag] == Self.retiredValue {
            result.findings.append(
                ObjectFinding(.deleted, key, "has the tag \(Self.retiredTag)=\(Self.retiredValue)"))
        }
        for (name, value) in wanted.sorted(by: { $0.key < $1.key }) where tags[name] != value {
            let found = tags[name].map { "is '\($0)'" } ?? "is missing"
            result.findings.append(ObjectFinding(.wrongTags, key, "its tag \(name) \(found), expected '\(value)'"))
        }
    }

    /// The keys that have more than one version, or a delete marker on top.
    package func versionMarks(prefix: String) throws(Fault) -> [ObjectKey: VersionMark] {
        var marks: [ObjectKey: VersionMark] = [:]
        try client.versions(prefix: self.prefix + ByteString(prefix)) { version throws(Fault) in
            let isMarker = version.isDeleteMarker
            guard version.isLatest == isMarker,
                let key = try? ObjectKey(bytes: ByteString(version.key.bytes.dropFirst(self.prefix.count)))
            else { return }
            if isMarker {
                marks[key, default: VersionMark()].isDeleted = true
            } else {
                marks[key, default: VersionMark()].older += 1
            }
        }
        return marks
    }
}
