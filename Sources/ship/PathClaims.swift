import Codec
import Ledger
import Platform

/// Which entry has a path of a restore: archives of several hosts may hold the same names, and one of two files that differ
/// must not silently take the other's place.
///
/// Paths and contents are known by 64 bits of a keyed hash, which no host can aim at: about 50 bytes of memory for each
/// entry. Among ten million entries the chance that two paths are taken for one is one in 300 000, and then one of them is
/// named as left out, not lost in silence.
struct PathClaims {
    private struct Claim {
        var content: Int
        var host: UInt32
    }

    private var claims: [Int: Claim] = [:]
    private var hosts: [String] = []

    /// Claims a path for an entry.
    ///
    /// - Returns: the host whose entry of another content has the path already; nothing when it is free, or has the same.
    mutating func claim(_ path: ByteString, _ row: Manifest.Row, of host: String) -> String? {
        if hosts.last != host { hosts.append(host) }
        var hasher = Hasher()
        // As RestoreTarget takes a path apart.
        for component in path.components where component != "." { hasher.combine(component) }
        let key = hasher.finalize()
        let content = Self.content(row)
        guard let claim = claims[key] else {
            claims[key] = Claim(content: content, host: UInt32(hosts.count - 1))
            return nil
        }
        return claim.content == content ? nil : hosts[Int(claim.host)]
    }

    private static func content(_ row: Manifest.Row) -> Int {
        var hasher = Hasher()
        hasher.combine(row.entry.kind)
        switch row.entry.kind {
        case .directory: break
        case .symlink: hasher.combine(row.entry.link)
        default:
            hasher.combine(row.entry.size)
            hasher.combine(row.sha256)
            // Without a digest nothing but the same piece of the same archive is the same.
            if row.sha256 == nil {
                hasher.combine(row.object)
                hasher.combine(row.name)
            }
        }
        return hasher.finalize()
    }
}
