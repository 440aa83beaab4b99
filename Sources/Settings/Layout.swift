package import Platform

/// The shape of a source tree: a pattern such as `{tenant}/{category}/**` that tells whose a path is.
///
/// Components are literal bytes, `*` (any bytes but a slash), `?` (one byte) and the captures `{tenant}` and
/// `{category}`, which are never empty and as short as the rest of the component allows. `**` stands only as the last
/// component; what it matches is `{rest}`. Without it, `{rest}` is the last component of the path.
package struct Layout: Hashable, Sendable, CustomStringConvertible {
    /// What a layout says about a path.
    package enum Match: Hashable, Sendable {
        /// The path has the whole shape.
        case entry(Captures)
        /// The path is a directory on the way to entries; it has what is captured so far.
        case above(Captures)
        /// The path does not fit.
        case none
    }

    /// A match as places in the path, which costs no allocation.
    struct Spans: Equatable {
        enum Kind { case entry, above, none }
        var kind = Kind.none
        var tenant: Range<Int>?
        var category: Range<Int>?
        var rest: Range<Int>?
    }

    /// One step of a component's pattern; trivial, so that matching counts no references.
    private enum Token: Hashable, Sendable {
        case byte(UInt8)
        case one
        case many
        case tenant
        case category
    }

    private let tokens: [Token]
    /// The tokens of each component but `**`.
    private let components: [Range<Int>]
    private let endsWithAll: Bool
    /// The variables that the layout captures.
    package let variables: Set<NameTemplate.Variable>
    /// The layout as it was written.
    package let description: String

    /// Parses a layout.
    ///
    /// - Throws: `settings` with the column inside the layout, counted in characters from 1.
    package init(_ text: String) throws(Fault) {
        var (tokens, components): ([Token], [Range<Int>]) = ([], [])
        var variables: Set<NameTemplate.Variable> = [.rest]
        var all = false
        var column = 1
        let scalars = Array(text.unicodeScalars)
        for component in scalars.split(separator: "/", omittingEmptySubsequences: false) {
            let start = column
            defer { column += component.count + 1 }
            if all { throw Fault(.settings, "column \(start - 3): '**' can only be the last component") }
            switch String(String.UnicodeScalarView(component)) {
            case "": throw Fault(.settings, "column \(start): a layout has no empty components")
            case ".", "..": throw Fault(.settings, "column \(start): a layout has no '.' or '..'")
            case "**": all = true
            default:
                let first = tokens.count
                try Self.parse(component, at: start, &tokens, &variables)
                components.append(first..<tokens.count)
            }
        }
        (self.tokens, self.components, endsWithAll, description) = (tokens, components, all, text)
        self.variables = variables
    }

    private static func parse(
        _ component: ArraySlice<Unicode.Scalar>, at start: Int, _ tokens: inout [Token],
        _ variables: inout Set<NameTemplate.Variable>
    ) throws(Fault) {
        var index = component.startIndex
        while index < component.endIndex {
            let column = start + index - component.startIndex
            let scalar = component[index]
            index += 1
            switch scalar {
            case "*":
                if index < component.endIndex && component[index] == "*" {
                    throw Fault(.settings, "column \(column): '**' can only be a whole component, the last one")
                }
                tokens.append(.many)
            case "?": tokens.append(.one)
            case "}": throw Fault(.settings, "column \(column): '}' has no '{' before it")
            case "{":
                guard let end = component[index...].firstIndex(where: { $0 == "}" || $0 == "{" }),
                    component[end] == "}"
                else { throw Fault(.settings, "column \(column): '{' has no '}' behind it") }
                let name = String(String.UnicodeScalarView(component[index..<end]))
                let variable = try NameTemplate.variable(name, at: column, [.tenant, .category])
                guard variables.insert(variable).inserted else {
                    throw Fault(.settings, "column \(column): '{\(name)}' stands there twice")
                }
                tokens.append(variable == .tenant ? .tenant : .category)
                index = end + 1
            default:
                guard scalar.value >= 0x20, scalar.value != 0x7F else {
                    throw Fault(.settings, "column \(column): a control character can't stand here")
                }
                tokens += Array(String(scalar).utf8).map(Token.byte)
            }
        }
    }

    /// Holds a path, relative to the top of the tree, against the layout; a directory's path ends with a slash.
    package func match(_ path: ByteString) -> Match {
        let spans = match(path.bytes)
        func bytes(_ span: Range<Int>?) -> ByteString? { span.map { ByteString(bytes: Array(path.bytes[$0])) } }
        let captures = Captures(tenant: bytes(spans.tenant), category: bytes(spans.category), rest: bytes(spans.rest))
        return switch spans.kind {
        case .entry: .entry(captures)
        case .above: .above(captures)
        case .none: .none
        }
    }

    func match(_ path: [UInt8]) -> Spans {
        path.withUnsafeBufferPointer { match($0) }
    }

    private func match(_ path: UnsafeBufferPointer<UInt8>) -> Spans {
        let isDirectory = path.isEmpty || path[path.count - 1] == UInt8(ascii: "/")
        var spans = Spans()
        var start = 0
        var last = 0
        for component in components {
            if start == path.count {
                spans.kind = isDirectory ? .above : .none
                return spans
            }
            var end = start
            while end < path.count && path[end] != UInt8(ascii: "/") { end += 1 }
            guard match(component, path, start..<end, &spans) else { return Spans() }
            last = start
            start = min(end + 1, path.count)
        }
        if endsWithAll {
            guard start < path.count || isDirectory else { return Spans() }
            spans.rest = start..<path.count
        } else {
            guard start == path.count else { return Spans() }
            spans.rest = last..<path.count
        }
        spans.kind = .entry
        return spans
    }

    /// Matches one component of the path.
    ///
    /// As with any glob, only the latest wildcard ever needs to grow: what an earlier one would take more, the latest
    /// can take as well.
    private func match(
        _ component: Range<Int>, _ path: UnsafeBufferPointer<UInt8>, _ name: Range<Int>, _ spans: inout Spans
    ) -> Bool {
        var token = component.lowerBound
        var position = name.lowerBound
        var wildcard: (token: Int, start: Int, end: Int)?
        while true {
            if token < component.upperBound {
                switch tokens[token] {
                case .byte(let byte) where position < name.upperBound && path[position] == byte:
                    (token, position) = (token + 1, position + 1)
                    continue
                case .one where position < name.upperBound:
                    (token, position) = (token + 1, position + 1)
                    continue
                case .many:
                    settle(wildcard, &spans)
                    wildcard = (token, position, position)
                    token += 1
                    continue
                case .tenant where position < name.upperBound, .category where position < name.upperBound:
                    settle(wildcard, &spans)
                    wildcard = (token, position, position + 1)
                    (token, position) = (token + 1, position + 1)
                    continue
                default: break
                }
            } else if position == name.upperBound {
                settle(wildcard, &spans)
                return true
            } else if let open = wildcard, open.token == component.upperBound - 1 {
                // The last token takes all that is left.
                settle((open.token, open.start, name.upperBound), &spans)
                return true
            }
            guard let open = wildcard, open.end < name.upperBound else { return false }
            wildcard = (open.token, open.start, open.end + 1)
            (token, position) = (open.token + 1, open.end + 1)
        }
    }

    /// Writes down what a wildcard has taken, once a later one begins or the component ends.
    private func settle(_ wildcard: (token: Int, start: Int, end: Int)?, _ spans: inout Spans) {
        guard let wildcard else { return }
        switch tokens[wildcard.token] {
        case .tenant: spans.tenant = wildcard.start..<wildcard.end
        case .category: spans.category = wildcard.start..<wildcard.end
        default: break
        }
    }
}
