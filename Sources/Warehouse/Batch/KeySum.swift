import Codec
package import Platform

/// A sum over keys that does not depend on their order: two lists with the same sum have the same keys.
///
/// So a report of billions of tasks is compared with a manifest in no memory at all.
package struct KeySum: Sendable, Equatable {
    package private(set) var count: Int64 = 0
    private var words = (UInt64(0), UInt64(0))

    package init() {}

    package mutating func add(_ key: ByteString) {
        count += 1
        SHA256Hasher.digest(of: key.bytes).bytes.withUnsafeBytes { bytes in
            words.0 &+= bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
            words.1 &+= bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        }
    }

    package static func == (left: KeySum, right: KeySum) -> Bool {
        left.count == right.count && left.words == right.words
    }
}
