import Glibc
import Platform
import TestSupport
import Testing
import Vault

/// The back ends that must keep the contract of ``ObjectStore``.
enum StoreKind: String, CaseIterable, CustomTestStringConvertible {
    case memory, file

    var testDescription: String { rawValue }

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
