/// What a job keeps: its `[retention]` section.
///
/// The rules add up: a manifest that any of them keeps is kept. Without any rule everything is kept.
package struct RetentionPolicy: Sendable, Equatable {
    /// At least this many days, counted back from the job's last success.
    package var keepFor: Int?
    /// The newest manifests of each unit.
    package var keepLast: Int
    /// The newest manifest of each unit in each of the newest days, ISO weeks, months and years that have one.
    package var daily: Int
    package var weekly: Int
    package var monthly: Int
    package var yearly: Int
    /// How old, in days, an object must be before it may be quarantined.
    package var minAge: Int
    /// How many days an object stays in quarantine before it is retired.
    package var grace: Int

    package init(
        keepFor: Int? = nil, keepLast: Int = 0, daily: Int = 0, weekly: Int = 0, monthly: Int = 0, yearly: Int = 0,
        minAge: Int = 0, grace: Int = 30
    ) {
        self.keepFor = keepFor
        self.keepLast = keepLast
        self.daily = daily
        self.weekly = weekly
        self.monthly = monthly
        self.yearly = yearly
        self.minAge = minAge
        self.grace = grace
    }

    /// True where no rule says what may go: everything stays.
    package var keepsEverything: Bool {
        keepFor == nil && keepLast == 0 && daily == 0 && weekly == 0 && monthly == 0 && yearly == 0
    }
}
