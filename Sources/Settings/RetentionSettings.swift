package import Ledger

/// `[retention]` of a job: what is kept in the vaults, and how long on staging.
package struct RetentionSettings: Sendable, Equatable {
    package var policy = RetentionPolicy()
    /// How many days what every vault holds stays on staging, too; nothing keeps it there for good.
    package var keepLocal: Int?
    /// How a vault's copy must have been proved before staging's goes: the word of ``UnitRecord/evidence``, from weak to
    /// strong `head`, `reread`, `checksum`.
    package var evidence = "reread"
    /// The part of a table or database that may vanish at once without an alarm.
    package var maxVanished = 0.1

    package init() {}

    /// Reads `[retention]`; `minAge` is the days of `min_age` where the table does not say.
    static func read(_ root: TomlTable, minAge: Int = 0) -> RetentionSettings {
        var settings = RetentionSettings()
        settings.policy.minAge = minAge
        guard let table = root.table("retention") else { return settings }
        defer { table.refuseUnknownKeys() }
        let counts = 0...100_000
        settings.policy.keepFor = table.days("keep_for")?.days
        settings.policy.keepLast = table.integer("keep_last", in: counts) ?? 0
        settings.policy.daily = table.integer("keep_daily", in: counts) ?? 0
        settings.policy.weekly = table.integer("keep_weekly", in: counts) ?? 0
        settings.policy.monthly = table.integer("keep_monthly", in: counts) ?? 0
        settings.policy.yearly = table.integer("keep_yearly", in: counts) ?? 0
        settings.policy.minAge = table.days("min_age")?.days ?? settings.policy.minAge
        settings.policy.grace = table.days("grace")?.days ?? settings.policy.grace
        settings.keepLocal = table.days("keep_local")?.days
        settings.evidence =
            table.value("evidence", #"one of "head", "reread", "checksum""#) {
                if case .string(let text) = $0, ["head", "reread", "checksum"].contains(text) { text } else { nil }
            } ?? settings.evidence
        settings.maxVanished = table.share("max_vanished", from: 0) ?? settings.maxVanished
        return settings
    }
}
