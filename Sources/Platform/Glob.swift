import Glibc

/// Shell patterns as fnmatch(3) knows them: `*`, `?`, `[a-z]`.
///
/// A star also matches slashes, as in `tar --wildcards`.
package struct Glob: Sendable {
    private let pattern: ByteString

    package init(_ pattern: String) { self.pattern = ByteString(pattern) }

    package func matches(_ name: String) -> Bool { matches(ByteString(name)) }

    package func matches(_ name: ByteString) -> Bool {
        pattern.withCString { pattern in name.withCString { fnmatch(pattern, $0, 0) == 0 } }
    }
}
