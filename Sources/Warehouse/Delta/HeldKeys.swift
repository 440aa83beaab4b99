import Codec
import Platform

/// The keys that a manifest holds, eight bytes each: what is asked is whether one is among them.
///
/// Two keys with the same 64 bits of SHA-256 are one in 10^19 pairs.
struct HeldKeys {
    private var words: [UInt64] = []
    private var isSorted = true

    mutating func add(_ key: ByteString) {
        words.append(Self.word(key))
        isSorted = false
    }

    /// Called once, before the first question.
    mutating func sort() {
        words.sort()
        isSorted = true
    }

    func contains(_ key: ByteString) -> Bool {
        precondition(isSorted, "keys are sorted before they are looked for")
        let word = Self.word(key)
        var (low, high) = (0, words.count)
        while low < high {
            let middle = (low + high) / 2
            if words[middle] < word { low = middle + 1 } else { high = middle }
        }
        return low < words.count && words[low] == word
    }

    private static func word(_ key: ByteString) -> UInt64 {
        SHA256Hasher.digest(of: key.bytes).bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
    }
}
