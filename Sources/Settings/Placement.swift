package import Platform

/// Where an entry of a source tree goes.
package enum Placement: Hashable, Sendable {
    /// Into an archive.
    ///
    /// - `tenant`: the escaped name of the tenant, or one of coldchain's own such as `_unmatched`.
    /// - `name`: the archive's name without suffix: relative, without empty components, `.` or `..`.
    /// - `member`: the entry's name inside; raw bytes, with a slash at the end for a directory.
    case archive(tenant: String, name: String, member: ByteString)
    /// Nowhere, which the entry list records with the reason.
    case skip(reason: String)
    /// Nowhere, and the unit fails for this reason.
    case refuse(reason: String)
}
