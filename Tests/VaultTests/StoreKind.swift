import AWS
import Glibc
import HTTP
import Platform
import TestSupport
import Testing
import Vault

/// The back ends that must keep the contract of ``ObjectStore``.
///
/// Ceph checks the digest that is signed with every body, which is what the contract asks of S3 and what moto, which
/// accepts any, can't prove. Ceph keeps no `x-amz-checksum-sha256`, so that `verify` reads here what AWS would tell.
enum StoreKind: String, CaseIterable, CustomTestStringConvertible {
    case memory, file, cephHTTP, cephTLS

    var testDescription: String { rawValue }

    /// Those that can be had on this machine.
    static var available: [StoreKind] {
        allCases.filter { RGWServer.isInstalled || ![.cephHTTP, .cephTLS].contains($0) }
    }

    /// An empty store, and how to turn a bit of an object round behind its back.
    struct Stage {
        let store: any ObjectStore
        let flip: (_ key: ObjectKey, _ offset: Int) throws -> Void
    }

    func withStore<R>(_ body: (Stage) throws -> R) throws -> R {
        switch self {
        case .memory:
            let store = MemoryStore()
            return try body(Stage(store: store, flip: store.flip))
        case .file:
            return try withTemporaryDirectory { path in
                try body(
                    Stage(store: FileStore(try Directory.open(path))) { key, offset in
                        try flipBit("\(path)/\(key)", at: offset)
                    })
            }
        case .cephHTTP, .cephTLS:
            let bucket = try CephBucket(overTLS: self == .cephTLS)
            return try body(Stage(store: bucket.store(), flip: bucket.flip))
        }
    }
}

/// Turns one bit of a file round.
func flipBit(_ path: String, at offset: Int) throws {
    let descriptor = Glibc.open(path, O_RDWR)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var byte: UInt8 = 0
    try #require(pread(descriptor, &byte, 1, off_t(offset)) == 1)
    byte ^= 1
    try #require(pwrite(descriptor, &byte, 1, off_t(offset)) == 1)
}
