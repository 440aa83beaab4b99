package import Platform

extension JobSettings {
    /// Refuses what only a job of kind `hosts` can have done to it.
    ///
    /// - Parameter command: as people write it, such as `ship prune`.
    /// - Throws: `unsupported` for a job of another kind; nothing was done then.
    package func requireHosts(_ command: String) throws(Fault) {
        guard kind != .hosts else { return }
        throw Fault(
            .unsupported,
            "job '\(name)' is of kind '\(kind.rawValue)', for which '\(command)' has no rules: nothing was changed",
            hint: "Everything stays. Only what another program or the bucket's own rules delete goes.")
    }
}
