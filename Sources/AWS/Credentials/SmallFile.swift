import Platform

/// Small files that are read as a whole: tokens and shared files.
enum SmallFile {
    private static let largest = 1 << 20

    /// - Throws: the system's fault; `limit` for a file of more than 1 MiB.
    static func text(_ path: String) throws(Fault) -> String {
        let file = try File.open(path)
        var bytes: [UInt8] = []
        let buffer = Buffer(capacity: 64 << 10)
        while true {
            // Not at an offset: a token may come through a pipe.
            let count = try file.read(into: buffer.bytes)
            if count == 0 { break }
            buffer.count = count
            bytes.append(contentsOf: buffer.contents)
            guard bytes.count <= largest else { throw Fault(.limit, "\(path): has more than \(largest) bytes") }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The text without the ends of its lines, as a token is meant.
    static func token(_ path: String) throws(Fault) -> Secret {
        var text = try text(path)
        while text.last?.isWhitespace ?? false { text.removeLast() }
        guard !text.isEmpty else { throw Fault(.damaged, "\(path): is empty") }
        return Secret(text)
    }
}
