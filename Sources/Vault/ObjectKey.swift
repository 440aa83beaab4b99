package import Platform

/// The name of an object below a vault's root: components between slashes, checked once and safe as a path ever after.
///
/// Keys compare and sort by their bytes: two spellings of one letter are two keys, as they are for S3 and for the kernel.
package struct ObjectKey: Hashable, Sendable {
    /// The key's bytes, which are UTF-8.
    package let bytes: ByteString

    /// S3's limit for a whole key, in bytes.
    package static let maximumLength = 1_024
    /// NAME_MAX: the limit for one component, in bytes.
    package static let maximumComponentLength = 255

    /// Checks a key.
    ///
    /// - Parameter text: components between single slashes, for example `siem/acme/2026/11/20/siem01.tar.gz`.
    /// - Throws: `limit` for a key or component that is too long; `unsupported` for an empty key or component, a
    ///   component that begins with a dot (`.`, `..` and the vault's own files), and control bytes.
    package init(_ text: String) throws(Fault) { try self.init(bytes: ByteString(text)) }

    /// Checks a path that a file system gave; names there need not be UTF-8.
    ///
    /// - Throws: as ``init(_:)``, and `unsupported` for bytes that are not UTF-8.
    init(bytes: ByteString) throws(Fault) {
        guard bytes.count <= Self.maximumLength else {
            throw Fault(
                .limit,
                "key '\(Self.shown(bytes))': has \(bytes.count) bytes, at most \(Self.maximumLength) are accepted")
        }
        guard String(validating: bytes.bytes, as: UTF8.self) != nil else {
            throw Fault(.unsupported, "key '\(Self.shown(bytes))': is not UTF-8")
        }
        guard !bytes.bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw Fault(.unsupported, "key '\(Self.shown(bytes))': holds a control byte")
        }
        for component in bytes.bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard let first = component.first else {
                throw Fault(.unsupported, "key '\(Self.shown(bytes))': is empty, or has an empty name between slashes")
            }
            guard first != UInt8(ascii: ".") else {
                throw Fault(
                    .unsupported, "key '\(Self.shown(bytes))': the name '\(Self.shown(component))' begins with a dot",
                    hint: "Such names are kept for the vault's own files.")
            }
            guard component.count <= Self.maximumComponentLength else {
                throw Fault(
                    .limit,
                    "key '\(Self.shown(bytes))': a name of \(component.count) bytes, at most "
                        + "\(Self.maximumComponentLength) are accepted")
            }
        }
        self.bytes = bytes
    }

    /// The names between the slashes; at least one.
    package var components: [ByteString] { bytes.components }

    /// What a message shows of a key that is refused: not all of it, if it is huge.
    private static func shown(_ bytes: some Collection<UInt8>) -> String {
        bytes.count <= 100 ? ByteString(bytes).description : ByteString(bytes.prefix(100)).description + "..."
    }

    private static func shown(_ bytes: ByteString) -> String { shown(bytes.bytes) }
}

extension ObjectKey: Comparable {
    package static func < (left: ObjectKey, right: ObjectKey) -> Bool { left.bytes < right.bytes }
}

extension ObjectKey: CustomStringConvertible {
    /// The key as it was given.
    package var description: String { String(decoding: bytes.bytes, as: UTF8.self) }
}
