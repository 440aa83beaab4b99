import Archive
import Codec
import Ledger
import Platform
import Vault

/// Compares the objects that a manifest names, one by one, with what its sidecars and the records tell of them.
struct VaultComparison: Sendable {
    let store: any ObjectStore
    let job: String
    /// What the listing tells of it, and the records on staging, where there are any.
    let group: ObjectGroup

    /// An object, and what was found.
    typealias Examined = (key: ObjectKey, found: ObjectExamination)

    /// A digest file has two lines.
    private static let largestDigestFile: Int64 = 1 << 16

    /// `BASE.sha256`, read.
    private struct DigestFile {
        var key: ObjectKey
        /// By the names beside it.
        var digests: [String: Digest256] = [:]
        /// Whether its lines are all that it should have.
        var isReadable = false
        var examination: ObjectExamination
    }

    /// A manifest with its digest file.
    func manifest(_ key: ObjectKey) throws(Fault) -> [Examined] {
        var file = try digestFile(try ObjectKey(key.description + ArchiveName.digestSuffix), tags: [:])
        let found = try store.examine(key, expecting: told(key, &file), PutOptions(.sidecar), .unlessTold)
        return [(key, found), (file.key, file.examination)]
    }

    /// An archive with its index and its digest file.
    func archive(_ key: ObjectKey, run: String, isRead: Bool) throws(Fault)
        -> (archive: ObjectExamination, sidecars: [Examined])
    {
        let base = ArchiveName(ofArchive: key.description)?.base ?? key.description
        let tags = ["coldchain-job": job, "coldchain-run": run]
        var file = try digestFile(try ObjectKey(base + ArchiveName.digestSuffix), tags: tags)
        let indexKey = try ObjectKey(base + ArchiveName.indexSuffix)
        var index = try store.examine(
            indexKey, expecting: told(indexKey, &file), PutOptions(.sidecar, tags: tags), .unlessTold)
        var content: ExpectedContent?
        if index.findings.allSatisfy({ ![.missing, .altered, .unreadable].contains($0.kind) }) {
            do throws(Fault) {
                let read = try ArchiveIndexReader(try store.open(indexKey)).finish()
                content = ExpectedContent(size: read.header.size, sha256: read.header.sha256, parts: read.parts)
            } catch {
                if error.code == .interrupted || error.code == .unreachable { throw error }
                index.findings.append(
                    ObjectFinding(error.code == .damaged ? .altered : .unreadable, indexKey, error.description))
            }
        }
        var expected = told(key, &file) ?? content
        if let content, let other = expected, content.sha256 != other.sha256 {
            file.examination.findings.append(
                ObjectFinding(
                    .altered, file.key, "tells sha256 \(other.sha256) of the archive, its index \(content.sha256)"))
        } else if let content {
            // Of a listing's own size nothing follows; the index knows it, and the parts.
            if let size = group.records[key]?.size, size != content.size {
                index.findings.append(
                    ObjectFinding(
                        .altered, indexKey, "tells \(content.size) bytes of the archive, shipped were \(size)"))
            } else {
                expected = content
            }
        }
        let found = try store.examine(
            key, expecting: expected, PutOptions(.archive, tags: tags), isRead ? .always : .never)
        return (found, [(indexKey, index), (file.key, file.examination)])
    }

    /// What the record of an object tells of it, or else the digest file beside it; one that lacks it proves nothing.
    private func told(_ key: ObjectKey, _ file: inout DigestFile) -> ExpectedContent? {
        guard let name = key.components.last?.description else { return nil }
        if file.isReadable, file.digests[name] == nil {
            file.examination.findings.append(ObjectFinding(.altered, file.key, "has no line for '\(name)'"))
        }
        if let record = group.records[key] { return ExpectedContent(size: record.size, sha256: record.sha256) }
        guard let digest = file.digests[name], let size = group.listed[key]?.size else { return nil }
        return ExpectedContent(size: size, sha256: digest)
    }

    private func digestFile(_ key: ObjectKey, tags: [String: String]) throws(Fault) -> DigestFile {
        let found = try store.examine(key, expecting: nil, PutOptions(.sidecar, tags: tags), .never)
        var file = DigestFile(key: key, examination: found)
        guard let size = found.head?.size else { return file }
        do throws(Fault) {
            guard size <= Self.largestDigestFile else { throw Fault(.damaged, "has \(size) bytes") }
            let buffer = Buffer(capacity: Int(Self.largestDigestFile))
            var bytes: [UInt8] = []
            try store.open(key).forEachPiece(length: size, using: buffer) { bytes += $0 }
            for line in bytes.split(separator: UInt8(ascii: "\n")) {
                guard line.count > 66, let digest = Digest256(hex: line.prefix(64)),
                    line.dropFirst(64).starts(with: [0x20, 0x20])
                else { throw Fault(.damaged, "holds a line that is none of sha256sum's") }
                file.digests[String(decoding: line.dropFirst(66), as: UTF8.self)] = digest
            }
            if file.digests.isEmpty { throw Fault(.damaged, "is empty") }
            file.isReadable = true
        } catch {
            if error.code == .interrupted || error.code == .unreachable { throw error }
            file.examination.findings.append(
                ObjectFinding(error.code == .damaged ? .altered : .unreadable, key, error.description))
        }
        return file
    }
}
