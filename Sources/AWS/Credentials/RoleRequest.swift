import Platform

/// The role that is asked for, and how long for.
struct RoleRequest: Sendable, Equatable {
    let arn: String
    var sessionName: String
    var externalID: String?
    /// Seconds, 900 to 43200; what the role allows without one.
    var duration: Int?

    private static let durations = 900...43_200

    init(arn: String, sessionName: String?, externalID: String? = nil) {
        self.arn = arn
        self.sessionName = sessionName ?? "coldchain"
        self.externalID = externalID
    }

    /// Reads the keys of a profile.
    init(arn: String, _ section: SharedConfigFile.Section, profile: String) throws(Fault) {
        self.init(arn: arn, sessionName: section["role_session_name"], externalID: section["external_id"])
        guard let text = section["duration_seconds"] else { return }
        guard let seconds = Int(text), Self.durations.contains(seconds) else {
            throw Fault(
                .settings,
                "profile '\(profile)': duration_seconds: expected a number from 900 to 43200, found '\(ByteString(text))'"
            )
        }
        duration = seconds
    }
}
