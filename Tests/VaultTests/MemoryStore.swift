import Codec
import Platform
import Vault

/// A vault in memory: the shortest thing that keeps the contract, so that the contract says nothing about files.
final class MemoryStore: ObjectStore {
    private struct Object {
        var bytes: [UInt8]
        let modified: Timestamp
    }
    private let objects = Monitor<[ObjectKey: Object]>([:])

    let description = "memory:"

    func head(_ key: ObjectKey) throws(Fault) -> ObjectHead? {
        objects.with { $0[key] }.map { ObjectHead(size: Int64($0.bytes.count), modified: $0.modified) }
    }

    func put(
        _ source: any RangedSource, expecting expected: ExpectedContent, to key: ObjectKey, _ options: PutOptions
    ) throws(Fault) -> PutReceipt {
        var check = try ContentCheck(expected, of: source.name)
        guard source.size == expected.size else {
            throw Fault(.damaged, "\(source.name): has \(source.size) bytes, expected \(expected.size)")
        }
        if try head(key) != nil { throw Fault(.exists, "\(key): taken") }
        var bytes: [UInt8] = []
        try source.forEachPiece(length: expected.size, using: Buffer(capacity: 1 << 16)) { piece throws(Fault) in
            try check.update(piece)
            bytes.append(contentsOf: piece)
        }
        try check.finish()
        let object = Object(bytes: bytes, modified: Clock.system.now())
        let isNew = objects.with { objects -> Bool in
            guard objects[key] == nil else { return false }
            objects[key] = object
            return true
        }
        guard isNew else { throw Fault(.exists, "\(key): taken") }
        return PutReceipt(key: key, size: expected.size, sha256: expected.sha256, evidence: .reread)
    }

    func verify(_ key: ObjectKey, expecting expected: ExpectedContent) throws(Fault) -> Evidence {
        let source = try open(key)
        guard source.size == expected.size, try SHA256Hasher.digest(of: source) == expected.sha256 else {
            throw Fault(.damaged, "\(key): differs")
        }
        return .reread
    }

    func open(_ key: ObjectKey) throws(Fault) -> any RangedSource {
        guard let object = objects.with({ $0[key] }) else { throw Fault(.notFound, "\(key): is not there") }
        return BytesSource(object.bytes, name: key.description)
    }

    func list(prefix: String, _ each: (ObjectKey, ObjectHead) throws -> Void) throws(Fault) {
        if !prefix.isEmpty { _ = try ObjectKey(prefix.hasSuffix("/") ? String(prefix.dropLast()) : prefix) }
        for key in objects.with({ Array($0.keys) }).sorted() where key.bytes.hasPrefix(ByteString(prefix)) {
            guard let head = try head(key) else { continue }
            do { try each(key, head) } catch { throw .wrapping(error) }
        }
    }

    /// Turns one bit of an object round.
    func flip(_ key: ObjectKey, at offset: Int) { objects.with { $0[key]?.bytes[offset] ^= 1 } }
}
