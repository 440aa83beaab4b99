/// A codec with its level: what the members of one archive are made with.
package struct Compression: Hashable, Sendable, CustomStringConvertible {
    package var codec: MemberCodec
    /// As the codec counts.
    package var level: Int

    package init(_ codec: MemberCodec = .gzip, level: Int) {
        self.codec = codec
        self.level = level
    }

    package init(_ codec: MemberCodec = .gzip, _ name: NamedLevel = .balanced) {
        self.init(codec, level: codec.level(name))
    }

    /// For messages: `gzip 6`.
    package var description: String { codec == .none ? "none" : "\(codec.rawValue) \(level)" }
}
