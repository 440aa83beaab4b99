/// Which region is meant where several places may say it.
enum AWSRegion {
    /// The region of the settings, then `AWS_REGION`, `AWS_DEFAULT_REGION`, then the profile's.
    ///
    /// - Returns: nothing where no place says it.
    static func resolve(
        _ setting: String?, _ environment: AWSEnvironment, _ profiles: SharedProfiles?, profile: String?
    ) -> String? {
        let name = profile ?? namedProfile(environment) ?? defaultProfile
        return setting ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? profiles?[name]?["region"]
    }

    /// The profile that counts where none is named.
    static let defaultProfile = "default"

    /// The profile that the environment names.
    static func namedProfile(_ environment: AWSEnvironment) -> String? {
        environment["AWS_PROFILE"] ?? environment["AWS_DEFAULT_PROFILE"]
    }
}
