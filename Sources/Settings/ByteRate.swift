/// Bytes per second, as people write them: `400 MiB/s`, `2 GB/s`.
package struct ByteRate: Hashable, Sendable, CustomStringConvertible {
    package let bytesPerSecond: Int64

    /// Reads a size with `/s` behind it; nothing when the text is none, or stands for nothing at all.
    package init?(_ text: String) {
        guard text.hasSuffix("/s"), let count = ByteCount(String(text.dropLast(2))), count.bytes > 0 else { return nil }
        bytesPerSecond = count.bytes
    }

    package var description: String { "\(ByteCount(bytes: bytesPerSecond))/s" }
}
