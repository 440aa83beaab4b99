package import HTTP
package import Logging
package import Platform

/// The places where AWS users expect credentials to be looked for, in the order of the AWS SDKs: environment, web identity,
/// shared files, container, instance metadata.
///
/// The first that is set up counts: one that is set up and doesn't work is a fault and no reason to go on, since what
/// comes behind may be somebody else's.
package struct CredentialChain: Sendable {
    private let settings: CredentialSettings
    private let context: CredentialContext
    private let providers: [any CredentialProvider]
    private let log: Logger?

    /// A chain.
    ///
    /// - Parameters:
    ///   - settings: what the vault's settings say.
    ///   - environment: the variables that count.
    ///   - http: for STS.
    ///   - clock: signs requests to STS.
    ///   - pace: of retries.
    ///   - log: is told at level debug where credentials came from.
    package init(
        _ settings: CredentialSettings, environment: AWSEnvironment = .process, http: HTTPClient,
        clock: Clock = .system, pace: Pace = .system, log: Logger? = nil
    ) {
        self.settings = settings
        self.log = log
        var near = HTTPSettings(userAgent: http.settings.userAgent)
        near.usesProxies = false
        near.connectTimeout = 1
        near.totalTimeout = 2
        near.maximumBody = 64 << 10
        context = CredentialContext(
            environment: environment,
            region: AWSRegion.resolve(settings.region, environment, nil, profile: nil), http: http,
            neighbours: HTTPClient(near), clock: clock, pace: pace)
        let named = settings.profile ?? AWSRegion.namedProfile(environment)
        let profile = ProfileCredentials(
            profile: named ?? AWSRegion.defaultProfile, isNamed: named != nil, context: context)
        providers =
            settings.profile != nil
            ? [profile]
            : [
                EnvironmentCredentials(environment), WebIdentityCredentials(context: context), profile,
                context.container, context.instance,
            ]
    }

    /// A source that looks here, keeps what it finds, and looks again before it ends.
    package func source() -> CachedCredentials {
        CachedCredentials(clock: context.clock) { () throws(Fault) in try find() }
    }

    /// The region that settings, environment or the profile name.
    ///
    /// - Throws: the system's fault for a shared file that is there but can't be read.
    package func region() throws(Fault) -> String? {
        let profiles = try SharedProfiles(context.environment)
        return AWSRegion.resolve(settings.region, context.environment, profiles, profile: settings.profile)
    }

    /// Looks for credentials now.
    ///
    /// - Throws: `permission` when there are none, with what was tried and why each did not apply; what hinders the first
    ///   place that is set up.
    package func find() throws(Fault) -> Credentials {
        let (base, name) = try first()
        guard let arn = settings.roleARN else {
            tell(base, name)
            return base
        }
        let role = RoleRequest(arn: arn, sessionName: nil)
        let credentials = try context.tokenService(region: try region()).assumeRole(role, with: base)
        tell(credentials, "\(arn) by \(name)")
        return credentials
    }

    private func first() throws(Fault) -> (credentials: Credentials, name: String) {
        var tried: [String] = []
        for provider in providers {
            let search: CredentialSearch
            do { search = try provider.find() } catch {
                if error.code == .interrupted { throw error }
                var fault = error.within("AWS credentials from \(provider.name)")
                // Many servers answer there, on and off an instance: most likely others were meant, and are not set up.
                if provider is InstanceCredentials, !tried.isEmpty {
                    fault.message += "; tried before: \(tried.joined(separator: "; "))"
                    fault.hint = [Self.advice, fault.hint].compactMap { $0 }.joined(separator: " ")
                }
                throw fault
            }
            switch search {
            case .found(let credentials): return (credentials, provider.name)
            case .absent(let reason): tried.append("\(provider.name): \(reason)")
            }
        }
        throw Fault(
            .permission, "no AWS credentials found; tried \(tried.joined(separator: "; "))",
            hint: Self.advice)
    }

    private static let advice =
        "Set AWS_PROFILE or AWS_SHARED_CREDENTIALS_FILE, or give the unit LoadCredential=\(SharedProfiles.credential):FILE, where FILE is a shared credentials file."

    private func tell(_ credentials: Credentials, _ name: String) {
        guard let log, log.logLevel <= .debug else { return }
        log.debug(
            "AWS credentials from \(name)\(credentials.expires.map { ", until \($0.rfc3339)" } ?? "")")
    }
}
