import Codec
package import Platform

/// Many keys, eight bytes each: what is asked is whether one is among them.
///
/// Two keys with the same 64 bits of SHA-256 are one in 10^19 pairs.
package struct KeyDigests: Sendable {
    private var words: [UInt64] = []
    private var isSorted = true

    package init() {}

    /// How often a key was added.
    package var count: Int { words.count }

    package mutating func add(_ key: ByteString) {
        words.append(Self.word(key))
        isSorted = false
    }

    package mutating func add(_ others: KeyDigests) {
        words += others.words
        isSorted = false
    }

    /// Called after the last key, before the first question.
    package mutating func sort() {
        words.sort()
        isSorted = true
    }

    package func contains(_ key: ByteString) -> Bool {
        if words.isEmpty { return false }
        precondition(isSorted, "keys are sorted before they are looked for")
        let word = Self.word(key)
        var (low, high) = (0, words.count)
        while low < high {
            let middle = (low + high) / 2
            if words[middle] < word { low = middle + 1 } else { high = middle }
        }
        return low < words.count && words[low] == word
    }

    /// What stands for a key.
    static func word(_ key: ByteString) -> UInt64 {
        SHA256Hasher.digest(of: key.bytes).bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
    }
}
