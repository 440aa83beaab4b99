import CToml
package import Platform

/// A settings file after toml++ has read it: tables whose getters gather problems instead of throwing one by one.
package struct TomlDocument {
    /// The largest settings file, in bytes; a job with thousands of hosts stays far below it.
    package static let largest = 1 << 20

    package let root: TomlTable
    package let problems: ProblemList

    /// Reads a file.
    ///
    /// - Throws: the system's fault when the file can't be read; `settings` when it is no TOML.
    package init(path: String) throws(Fault) {
        let file = try File.open(path)
        // One byte more than allowed tells a file that is too big.
        var bytes = [UInt8](repeating: 0, count: Self.largest + 1)
        var count = 0
        var failure: Fault?
        bytes.withUnsafeMutableBytes { buffer in
            do { count = try file.read(into: buffer, at: 0) } catch { failure = .wrapping(error) }
        }
        if let failure { throw failure }
        try file.close()
        try self.init(bytes: Array(bytes.prefix(count)), file: path)
    }

    /// Parses the bytes of a file; `file` stands in messages.
    ///
    /// - Throws: `settings` with line and column when the bytes are no TOML; `limit` beyond ``largest``.
    package init(bytes: [UInt8], file: String) throws(Fault) {
        guard bytes.count <= Self.largest else {
            throw Fault(.limit, "\(file): a settings file has at most \(ByteCount(bytes: Int64(Self.largest)))")
        }
        let parsed = bytes.withUnsafeBytes { buffer in
            ctoml_parse(buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count)
        }
        guard let parsed else { throw Fault(.limit, "\(file): no memory to read it") }
        defer { ctoml_free(parsed) }
        if let error = ctoml_error(parsed) {
            let position = SourcePosition(
                line: max(1, Int(ctoml_error_line(parsed))), column: max(1, Int(ctoml_error_column(parsed))))
            let text = String(cString: error)
            throw Fault(
                .settings, "\(file):\(position): \(text.prefix(1).lowercased())\(text.dropFirst())",
                hint: Self.hintOfQuotes(bytes, line: position.line))
        }
        problems = ProblemList(file: file)
        root = Self.tree(parsed, problems)
    }

    /// Advice for what people forget most: `kind = hosts` without quotes.
    private static func hintOfQuotes(_ bytes: [UInt8], line: Int) -> String? {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard lines.indices.contains(line - 1) else { return nil }
        let parts = String(decoding: lines[line - 1], as: UTF8.self).split(separator: "=", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        func trimmed(_ text: Substring) -> String {
            String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
        }
        let (key, value) = (trimmed(parts[0]), trimmed(parts[1].prefix { $0 != "#" }))
        guard let first = value.first, first.isLetter || "/{*_".contains(first), !value.contains("\""),
            !value.contains("'"), value != "true", value != "false"
        else { return nil }
        return "A string stands in quotes: \(quoted(key, "")) = \(quoted(value))."
    }

    /// Builds the tree from the last node to the first, so that every container's children are there before it.
    private static func tree(_ document: OpaquePointer, _ problems: ProblemList) -> TomlTable {
        let nodes = (0..<ctoml_count(document)).map { ctoml_node_at(document, $0) }
        var elements: [Int: [TomlElement]] = [:]
        var entries: [Int: [TomlTable.Entry]] = [:]
        for (index, node) in nodes.enumerated().reversed() where index > 0 {
            let position = SourcePosition(line: Int(node.line), column: Int(node.column))
            let key = text(node.key, node.key_length)
            let value: TomlElement.Value
            switch node.kind {
            case Int32(CTOML_TABLE.rawValue):
                let path = pathOfTable(index, nodes)
                value = .table(
                    TomlTable(
                        path: path, position: position, entries: entries.removeValue(forKey: index) ?? [], problems))
            case Int32(CTOML_ARRAY.rawValue):
                value = .array((elements.removeValue(forKey: index) ?? []).reversed())
            case Int32(CTOML_STRING.rawValue): value = .string(text(node.text, node.text_length))
            case Int32(CTOML_INTEGER.rawValue): value = .integer(node.integer)
            case Int32(CTOML_FLOAT.rawValue): value = .float(node.number)
            case Int32(CTOML_BOOLEAN.rawValue): value = .boolean(node.integer != 0)
            default: value = .dateTime
            }
            let element = TomlElement(value: value, position: position)
            let parent = Int(node.parent)
            if node.key == nil {
                elements[parent, default: []].append(element)
            } else {
                let keyPosition = SourcePosition(line: Int(node.key_line), column: Int(node.key_column))
                entries[parent, default: []].append(
                    TomlTable.Entry(key: key, keyPosition: keyPosition, element: element))
            }
        }
        return TomlTable(
            path: [], position: SourcePosition(line: 1, column: 1), entries: entries[0] ?? [], problems)
    }

    private static func pathOfTable(_ index: Int, _ nodes: [ctoml_node]) -> [String] {
        var path: [String] = []
        var current = index
        while current > 0 {
            if nodes[current].key != nil { path.append(text(nodes[current].key, nodes[current].key_length)) }
            current = Int(nodes[current].parent)
        }
        return path.reversed()
    }

    private static func text(_ bytes: UnsafePointer<CChar>?, _ length: Int) -> String {
        bytes.map { start in
            start.withMemoryRebound(to: UInt8.self, capacity: length) {
                String(decoding: UnsafeBufferPointer(start: $0, count: length), as: UTF8.self)
            }
        } ?? ""
    }
}
