package import Platform

/// What a layout has found in a path: the bytes of its variables as they stand there, never escaped.
package struct Captures: Hashable, Sendable {
    package var tenant: ByteString?
    package var category: ByteString?
    package var rest: ByteString?

    package init(tenant: ByteString? = nil, category: ByteString? = nil, rest: ByteString? = nil) {
        self.tenant = tenant
        self.category = category
        self.rest = rest
    }

    /// The bytes of a variable; nothing when the layout does not capture it.
    package subscript(variable: NameTemplate.Variable) -> ByteString? {
        switch variable {
        case .tenant: tenant
        case .category: category
        case .rest: rest
        case .host, .yyyy, .mm, .dd: nil
        }
    }
}
