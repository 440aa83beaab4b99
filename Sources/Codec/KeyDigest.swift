package import Platform

/// 128 bits of two keyed hashes of a key (SipHash), by which a process remembers millions of keys whatever their length:
/// that two keys share them is less likely than that a disk errs.
///
/// They are others in each process, so that they stand in no file.
package struct KeyDigest: Hashable, Sendable {
    private let high: UInt64
    package let low: UInt64

    package init(_ bytes: UnsafeRawBufferPointer) {
        var (one, other) = (Hasher(), Hasher())
        other.combine(0x5C as UInt8)
        one.combine(bytes: bytes)
        other.combine(bytes: bytes)
        high = UInt64(bitPattern: Int64(one.finalize()))
        low = UInt64(bitPattern: Int64(other.finalize()))
    }

    package init(_ key: ByteString) { self = key.bytes.withUnsafeBytes { KeyDigest($0) } }

    package init(_ key: String) { self.init(ByteString(key)) }
}
