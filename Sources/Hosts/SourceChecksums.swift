import Codec
import Ledger
package import Platform

/// What a host says the content of its tree is: a file of digests as sha256sum(1) writes it, at the top of the tree.
package struct SourceChecksums: Sendable {
    /// The file's name, for messages.
    let name: String
    private let digests: [ByteString: Digest256]

    /// The longest list that is read; about two million files.
    private static let longest: Int64 = 512 << 20

    /// Reads the list from the tree.
    ///
    /// - Throws: `notFound` when there is none, `damaged` for a line that is none of sha256sum(1).
    package init(_ key: ByteString, of tree: any SourceTree) throws(Fault) {
        name = "\(tree.name)/\(key)"
        let entry = try tree.look(at: key)
        guard entry.entry.kind == .file, entry.entry.size <= Self.longest else {
            throw Fault(.limit, "\(name): is no file of at most \(Self.longest) bytes")
        }
        let file = try tree.open(entry)
        defer { file.close() }
        let size = try file.status().size
        let buffer = Buffer(capacity: 256 << 10)
        var digests: [ByteString: Digest256] = [:]
        var line: [UInt8] = []
        var number = 0
        var offset: Int64 = 0
        while offset < size {
            let count = try file.read(into: buffer.bytes, at: offset)
            if count == 0 { break }
            offset += Int64(count)
            for byte in buffer.bytes[..<count] {
                guard byte == UInt8(ascii: "\n") else {
                    line.append(byte)
                    continue
                }
                number += 1
                try Self.add(line, number, name, to: &digests)
                line.removeAll(keepingCapacity: true)
            }
            guard line.count <= 64 << 10 else { throw Fault(.damaged, "\(name):\(number + 1): a line without an end") }
        }
        if !line.isEmpty { try Self.add(line, number + 1, name, to: &digests) }
        // A list that was written while it was made may name itself; it is no part of the tree.
        digests[key] = nil
        self.digests = digests
    }

    /// A line is the digest, a space, a space or `*`, and the name; with a backslash in front the name is escaped.
    private static func add(
        _ line: [UInt8], _ number: Int, _ name: String, to digests: inout [ByteString: Digest256]
    ) throws(Fault) {
        if line.isEmpty { return }
        let isEscaped = line[0] == UInt8(ascii: "\\")
        let plain = isEscaped ? line.dropFirst() : line[...]
        guard plain.count > 66, let digest = Digest256(hex: plain.prefix(64)) else {
            throw Fault(.damaged, "\(name):\(number): is no line of sha256sum(1)")
        }
        var path = Array(plain.dropFirst(66))
        if isEscaped { path = unescaped(path) }
        while path.starts(with: [UInt8(ascii: "."), UInt8(ascii: "/")]) { path.removeFirst(2) }
        digests[ByteString(bytes: path)] = digest
    }

    private static func unescaped(_ path: [UInt8]) -> [UInt8] {
        var plain: [UInt8] = []
        var rest = path[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let next = rest.popFirst() else {
                plain.append(byte)
                continue
            }
            switch next {
            case UInt8(ascii: "n"): plain.append(0x0A)
            case UInt8(ascii: "r"): plain.append(0x0D)
            default: plain.append(next)
            }
        }
        return plain
    }

    /// The comparison of one collection with the list; for one thread.
    struct Check {
        private let checksums: SourceChecksums
        private var open: Set<ByteString>

        init(_ checksums: SourceChecksums) {
            self.checksums = checksums
            open = Set(checksums.digests.keys)
        }

        /// Compares one row, and flags it where it differs.
        ///
        /// - Returns: the warning, if it does.
        mutating func check(_ row: inout EntryList.Row) -> String? {
            guard let expected = checksums.digests[row.entry.key] else { return nil }
            open.remove(row.entry.key)
            guard row.action != .skip, let found = row.manifest.sha256, found != expected else { return nil }
            row.manifest.flags.insert(.mismatched)
            return "\(checksums.name) says that '\(row.entry.key)' has SHA-256 \(expected), collected was \(found)"
        }

        /// What the list names and the tree has not.
        func missing() -> String? {
            guard let first = open.min() else { return nil }
            return
                "\(checksums.name) lists '\(first)'\(open.count > 1 ? " and \(open.count - 1) more" : ""), which the tree has not"
        }
    }
}
