/// `[notify]`: which channels are told of what.
package struct NotifySettings: Sendable {
    /// What there is to tell.
    package enum Event: String, CaseIterable, Codable, Sendable {
        /// A stage begins; only dead man's switches want to know.
        case start
        case success, partial, failure
        /// A run that should be there is not, or work piles up.
        case missing
    }

    /// How soon somebody should look.
    package enum Tier: String, CaseIterable, Codable, Sendable {
        case info, warning, critical
    }

    /// The names of the channels for each event.
    package var channels: [Event: [String]] = [:]
    /// After how long a run that is not there, or not shipped, is told of; nothing for what is usual with the job's kind.
    package var overdue: Period?
    /// After how long a run that was begun and is not in every vault is told of.
    package var patience: Period { overdue ?? Self.usual }

    /// A night, and the next morning.
    static let usual = Period(seconds: 36 * 3_600)
    /// A month, and a day or two until somebody has looked.
    static let usualMonthly = Period(seconds: 33 * 86_400)

    /// How soon somebody should look at what an event tells.
    package var tiers: [Event: Tier] = [
        .start: .info, .success: .info, .partial: .warning, .failure: .critical, .missing: .critical,
    ]

    package init() {}

    package func tier(of event: Event) -> Tier { tiers[event] ?? .warning }

    /// Reads the keys of `[notify]`, in `coldchain.toml` or over them in a job's file.
    ///
    /// - Parameters:
    ///   - table: the table, if there is one.
    ///   - base: what holds for the keys that it lacks.
    ///   - known: the names of the channels.
    /// - Returns: the settings; what is wrong is among the table's problems.
    static func read(_ table: TomlTable, over base: NotifySettings, known: some Collection<String>) -> NotifySettings {
        var settings = base
        for event in Event.allCases {
            // An empty list is how a job tells nobody.
            let found: [TomlElement]? = table.value(event.rawValue, "a list of channels") {
                if case .array(let elements) = $0 { elements } else { nil }
            }
            guard let found else { continue }
            var names: [String] = []
            for element in found {
                guard case .string(let name) = element.value else {
                    table.add("expected the name of a channel, found \(element.description)", at: element.position)
                    continue
                }
                if known.contains(name) {
                    names.append(name)
                } else {
                    table.add(
                        "there is no [notify.channel.\(quoted(name, ""))]", at: element.position,
                        hint: NearestName.of(name, among: known).map { "Did you mean \"\($0)\"?" })
                }
            }
            settings.channels[event] = names
        }
        if let tiers = table.table("tier") {
            let known = Tier.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            for event in Event.allCases {
                let tier: Tier? = tiers.value(event.rawValue, "one of \(known)") {
                    if case .string(let text) = $0 { Tier(rawValue: text) } else { nil }
                }
                if let tier { settings.tiers[event] = tier }
            }
            tiers.refuseUnknownKeys()
        }
        if let overdue = table.period("overdue") { settings.overdue = overdue }
        return settings
    }
}
