import Platform

extension Directory {
    /// The status of `name`, not following links, or nothing when there is no such name.
    func statusIfPresent(_ name: ByteString) throws(Fault) -> FileStatus? {
        do { return try status(name) } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }
}
