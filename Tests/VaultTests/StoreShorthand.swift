import Codec
import Ledger
import Platform
import TestSupport
import Vault

/// Random bytes, the same for the same seed.
func content(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var generator = SplitMix64(seed: seed)
    return generator.bytes(count)
}

extension ExpectedContent {
    /// What these bytes are, with a part table when a part size is given.
    init(of bytes: [UInt8], partSize: Int? = nil) {
        var parts: PartTable?
        if let partSize {
            let digests = stride(from: 0, to: bytes.count, by: partSize).map {
                SHA256Hasher.digest(of: Array(bytes[$0..<min($0 + partSize, bytes.count)]))
            }
            parts = PartTable(partSize: Int64(partSize), digests: digests)
        }
        self.init(size: Int64(bytes.count), sha256: SHA256Hasher.digest(of: bytes), parts: parts)
    }
}

extension ObjectStore {
    @discardableResult
    func put(_ bytes: [UInt8], to key: String) throws -> PutReceipt {
        try put(BytesSource(bytes), expecting: ExpectedContent(of: bytes), to: try ObjectKey(key), PutOptions())
    }

    /// The bytes of an object from `offset` on.
    func read(_ key: String, at offset: Int64 = 0, count: Int? = nil) throws -> [UInt8] {
        let source = try open(try ObjectKey(key))
        var bytes = [UInt8](repeating: 0, count: count ?? Int(source.size))
        let found = try bytes.withUnsafeMutableBytes { try source.read(into: $0, at: offset) }
        return Array(bytes[..<found])
    }

    func keys(_ prefix: String = "") throws -> [String] {
        var keys: [String] = []
        try list(prefix: prefix) { key, _ in keys.append(key.description) }
        return keys
    }
}
