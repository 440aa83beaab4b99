import Platform

/// Credentials of a profile of the shared files: keys, a role, a process.
struct ProfileCredentials: CredentialProvider {
    let profile: String
    /// Whether somebody has named the profile, which must then be there.
    let isNamed: Bool
    let context: CredentialContext

    var name: String { "profile '\(profile)'" }

    func find() throws(Fault) -> CredentialSearch {
        let profiles = try SharedProfiles(context.environment)
        if profiles[profile] == nil, isNamed { throw missing(profile, profiles) }
        return try find(profile, profiles, path: [])
    }

    private func missing(_ name: String, _ profiles: SharedProfiles) -> Fault {
        Fault(.settings, "there is no profile '\(name)' in \(profiles.filesInWords)")
    }

    /// Looks for the credentials of a profile.
    ///
    /// - Parameters:
    ///   - name: the profile.
    ///   - profiles: all of them.
    ///   - path: the profiles that lead here by their `source_profile`.
    /// - Returns: what the profile says first: a role, keys, a process.
    /// - Throws: `settings` for a profile that contradicts itself or leads in a circle; `unsupported` for one that needs
    ///   somebody at a terminal; what the role's service and the process throw.
    private func find(_ name: String, _ profiles: SharedProfiles, path: [String]) throws(Fault) -> CredentialSearch {
        guard let section = profiles[name] else { return .absent("not in \(profiles.filesInWords)") }
        if let arn = section["role_arn"] { return .found(try assume(arn, section, name, profiles, path)) }
        if let keys = try Self.keys(section, name) { return .found(keys) }
        if let command = section["credential_process"] {
            return .found(try CredentialProcess(command: command).credentials())
        }
        if section.keys.contains(where: { $0.hasPrefix("sso_") }) {
            throw Fault(
                .unsupported, "profile '\(name)': asks for a sign-on (SSO) in a browser, which nobody is there for",
                hint:
                    "Give the profile credential_process = aws configure export-credentials --profile OTHER, or let a role be assumed instead."
            )
        }
        return .absent("\(profiles.filesInWords): has no credentials for it")
    }

    private static func keys(_ section: SharedConfigFile.Section, _ name: String) throws(Fault) -> Credentials? {
        let (key, secret) = (section["aws_access_key_id"], section["aws_secret_access_key"])
        guard let key, !key.isEmpty, let secret, !secret.isEmpty else {
            guard key == nil, secret == nil else {
                throw Fault(
                    .settings,
                    "profile '\(name)': has only one of aws_access_key_id and aws_secret_access_key")
            }
            return nil
        }
        let token = section["aws_session_token"].flatMap { $0.isEmpty ? nil : Secret($0) }
        return Credentials(accessKey: key, secretKey: Secret(secret), sessionToken: token)
    }

    // MARK: Roles

    private func assume(
        _ arn: String, _ section: SharedConfigFile.Section, _ name: String, _ profiles: SharedProfiles, _ path: [String]
    ) throws(Fault) -> Credentials {
        if section["mfa_serial"] != nil {
            throw Fault(
                .unsupported, "profile '\(name)': its role asks for a code (mfa_serial), which nobody is there to type",
                hint: "Use a role that is trusted without mfa_serial for what runs at night.")
        }
        let role = try RoleRequest(arn: arn, section, profile: name)
        let service = context.tokenService(region: context.region ?? section["region"])
        do {
            if let file = section["web_identity_token_file"] {
                let token = try SmallFile.token(context.environment.expanded(file))
                return try service.assumeRole(role, withWebIdentity: token)
            }
            return try service.assumeRole(role, with: try base(of: section, name, profiles, path))
        } catch { throw error.within("profile '\(name)'") }
    }

    /// The credentials with which a role is asked for.
    private func base(
        of section: SharedConfigFile.Section, _ name: String, _ profiles: SharedProfiles, _ path: [String]
    ) throws(Fault) -> Credentials {
        switch (section["source_profile"], section["credential_source"]) {
        case (nil, nil): throw Fault(.settings, "role_arn needs source_profile or credential_source")
        case (.some, .some): throw Fault(.settings, "source_profile and credential_source exclude each other")
        case (.some(let source), nil):
            // A profile may assume a role with keys of its own.
            if source == name {
                guard let keys = try Self.keys(section, name) else {
                    throw Fault(.settings, "is its own source_profile and has no keys")
                }
                return keys
            }
            let path = path + [name]
            guard !path.contains(source) else {
                throw Fault(.settings, "source_profile leads in a circle: \((path + [source]).joined(separator: ", "))")
            }
            guard profiles[source] != nil else { throw missing(source, profiles) }
            return try found(try find(source, profiles, path: path), "source_profile '\(source)'")
        case (nil, .some(let source)):
            let provider: any CredentialProvider
            switch source {
            case "Environment": provider = EnvironmentCredentials(context.environment)
            case "Ec2InstanceMetadata": provider = context.instance
            case "EcsContainer": provider = context.container
            default:
                throw Fault(
                    .settings, "unknown credential_source '\(ByteString(source))'",
                    hint: "It is one of Environment, Ec2InstanceMetadata and EcsContainer.")
            }
            return try found(try provider.find(), "credential_source \(source)")
        }
    }

    private func found(_ search: CredentialSearch, _ source: String) throws(Fault) -> Credentials {
        switch search {
        case .found(let credentials): return credentials
        case .absent(let reason): throw Fault(.permission, "\(source): \(reason)")
        }
    }
}
