import Glibc

/// Bytes that are damaged at random, the same way for the same seed.
///
/// `COLDCHAIN_MUTATIONS=N` lets every test of this kind run N times as many rounds, and `COLDCHAIN_SEED=N` begins elsewhere.
package struct Mutation {
    package var random: SplitMix64
    package let seed: UInt64

    package init(seed: UInt64) {
        self.seed = Self.number("COLDCHAIN_SEED").map { UInt64($0) &+ seed } ?? seed
        random = SplitMix64(seed: self.seed)
    }

    /// How many rounds to run where a quick test has `count`.
    package static func rounds(_ count: Int) -> Int { count * max(1, number("COLDCHAIN_MUTATIONS") ?? 1) }

    private static func number(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }

    /// Some of the bytes changed, taken out, put in twice or cut off.
    package mutating func damaged(_ original: [UInt8]) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &random)
            let end = min(bytes.count, at + Int.random(in: 1...700, using: &random))
            switch Int.random(in: 0..<8, using: &random) {
            case 0, 1: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 2: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 3: bytes.removeSubrange(at..<end)
            case 4: bytes.insert(contentsOf: bytes[at..<end], at: Int.random(in: 0...bytes.count, using: &random))
            case 5:
                for index in at..<min(end, at + 12) {
                    bytes[index] = UInt8(ascii: "0") + UInt8.random(in: 0..<8, using: &random)
                }
            case 6: for index in at..<min(end, at + 12) { bytes[index] = Bool.random(using: &random) ? 0xFF : 0x80 }
            default: bytes.removeSubrange(at...)
            }
        }
        return bytes
    }
}
