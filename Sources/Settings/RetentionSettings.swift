package import Ledger

/// `[retention]` of a job: what is kept in the vaults, and how long on staging.
package struct RetentionSettings: Sendable, Equatable {
    package var policy = RetentionPolicy()
    /// How many days what every vault holds stays on staging, too; nothing keeps it there for good.
    package var keepLocal: Int?
    /// The part of a table or database that may vanish at once without an alarm.
    package var maxVanished = 0.1

    package init() {}

    /// - Parameter minAge: the days of `min_age` where the table does not say.
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
        settings.maxVanished = table.share("max_vanished", from: 0) ?? settings.maxVanished
        return settings
    }
}
