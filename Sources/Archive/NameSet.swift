import Platform

/// Which names an archive has already: 64-bit hashes in an open table, so a million names cost 16 MiB.
///
/// Two names may share a hash; whoever is told "perhaps" looks again at the names themselves.
struct NameSet {
    private var table = [UInt64](repeating: 0, count: 1 << 10)
    private var count = 0

    /// Adds a name.
    ///
    /// - Returns: true when it was perhaps there already.
    @discardableResult
    mutating func insert(_ name: ByteString) -> Bool {
        if count * 2 >= table.count { grow() }
        return place(Self.hash(name))
    }

    /// Whether a name is perhaps there.
    func contains(_ name: ByteString) -> Bool {
        let hash = Self.hash(name)
        let mask = table.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while table[slot] != 0 {
            if table[slot] == hash { return true }
            slot = (slot + 1) & mask
        }
        return false
    }

    /// FNV-1a with a final mix, never 0, which marks a free slot.
    static func hash(_ name: ByteString) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash ^= hash >> 32
        hash = hash &* 0xD6E8_FEB8_6659_FD93
        hash ^= hash >> 32
        return hash == 0 ? 1 : hash
    }

    private mutating func place(_ hash: UInt64) -> Bool {
        let mask = table.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while table[slot] != 0 {
            if table[slot] == hash { return true }
            slot = (slot + 1) & mask
        }
        table[slot] = hash
        count += 1
        return false
    }

    private mutating func grow() {
        let old = table
        table = [UInt64](repeating: 0, count: old.count * 2)
        count = 0
        for hash in old where hash != 0 { _ = place(hash) }
    }
}
