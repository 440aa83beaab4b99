import Codec
package import Platform

/// Where the content of a key lies below a host's directory on staging: the same path, with each name escaped where NFS
/// or UTF-8 would refuse it.
///
/// Nothing but the key is needed to find it.
package enum StagedPath {
    package static func components(of key: ByteString) -> [ByteString] {
        key.components.map { name in
            PathEscape.escapeComponent(name) { long in
                String(SHA256Hasher.digest(of: long.bytes).description.prefix(40))
            }
        }
    }
}
