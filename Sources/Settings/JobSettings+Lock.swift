extension JobSettings {
    /// Notes where Object Lock ends before the runs do that need an object.
    ///
    /// A run may carry what an archive of up to `full_every` before holds, and is itself kept for `keep_for`.
    ///
    /// - Parameters:
    ///   - root: the whole file.
    ///   - vaults: those of the job.
    ///   - fullEvery: as it was read.
    ///   - keepFor: days.
    static func checkLock(_ root: TomlTable, _ vaults: [VaultSettings], fullEvery: Period?, keepFor: Int?) {
        for vault in vaults {
            guard case .bucket(let bucket) = vault.kind, let lock = bucket.lock else { continue }
            guard let fullEvery else {
                if root.has("full_every") { return }
                root.missing(
                    "full_every",
                    hint:
                        "Vault '\(vault.name)' has an object_lock of \(lock.days) days: what is carried without end outlives it."
                )
                return
            }
            let needed = fullEvery.days + (keepFor ?? 0)
            if lock.days >= needed { continue }
            let rule = keepFor.map { " and 'keep_for' of \($0) days" } ?? ""
            root.problem(
                "full_every",
                "\(fullEvery.days) days\(rule) need an object_lock of \(needed) days, vault '\(vault.name)' has \(lock.days)",
                hint:
                    "A run may carry what an archive of up to 'full_every' before holds: its lock would end too early.")
        }
    }
}
