import Settings

/// Numbers as people read them.
enum Figure {
    static func bytes(_ count: Int64) -> String { ByteCount(bytes: count).description }
}
