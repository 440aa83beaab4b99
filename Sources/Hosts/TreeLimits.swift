/// What is accepted of one host in one run: beyond it the host is wrong, or somebody else speaks for it.
package struct TreeLimits: Sendable, Equatable {
    /// Directories below each other.
    package var depth = 1_000
    /// Entries of the whole tree.
    package var entries = 50_000_000
    /// Bytes of content of the whole tree.
    package var bytes: Int64 = 1 << 50
    /// Bytes of one name; Linux itself allows 255.
    package var name = 1_024

    package init() {}
}
