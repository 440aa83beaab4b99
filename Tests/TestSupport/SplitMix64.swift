import Platform

/// A small generator with a seed, so that a random test gives the same tree, bytes and order every time.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// Random bytes, which no compressor makes smaller.
    package mutating func bytes(_ count: Int) -> [UInt8] {
        made("bytes", count) { generator in
            [UInt8](unsafeUninitializedCapacity: (count + 7) / 8 * 8) { buffer, used in
                let raw = UnsafeMutableRawBufferPointer(buffer)
                for offset in stride(from: 0, to: count, by: 8) {
                    raw.storeBytes(of: generator.next(), toByteOffset: offset, as: UInt64.self)
                }
                used = count
            }
        }
    }

    /// Bytes like those of a log: lines of a few words, which compress well.
    package mutating func text(_ count: Int) -> [UInt8] {
        made("text", count) { $0.newText(count) }
    }

    private struct Key: Hashable {
        let kind: String
        let state: UInt64
        let count: Int
    }

    /// What was made before, and the state behind it: dozens of worlds have the same content, and a build without
    /// optimization takes seconds for each.
    private static let known = Monitor<[Key: (bytes: [UInt8], state: UInt64)]>([:])

    private mutating func made(_ kind: String, _ count: Int, _ make: (inout SplitMix64) -> [UInt8]) -> [UInt8] {
        let key = Key(kind: kind, state: state, count: count)
        if let (bytes, after) = Self.known.with({ $0[key] }) {
            state = after
            return bytes
        }
        let bytes = make(&self)
        // Small ones are made sooner than found, and there are many.
        if count >= 100_000 {
            let after = state
            Self.known.with { $0[key] = (bytes, after) }
        }
        return bytes
    }

    private mutating func newText(_ count: Int) -> [UInt8] {
        let words = ["error", "info", "GET", "/index.html", "tenant", "200", "503", "connection", "closed", "retry"]
        var result: [UInt8] = []
        result.reserveCapacity(count + 64)
        while result.count < count {
            for _ in 0..<Int.random(in: 3...8, using: &self) {
                result += Array(words[Int.random(in: 0..<words.count, using: &self)].utf8) + [UInt8(ascii: " ")]
            }
            result.append(UInt8(ascii: "\n"))
        }
        result.removeLast(result.count - count)
        return result
    }
}
