import HTTP
import Platform
import TestSupport

@testable import AWS

/// A home with shared files, services on loopback, and a clock that stands still.
struct CredentialBench {
    let home: TemporaryDirectory
    let now: Timestamp
    /// Of retries, which cost no time.
    var pace = TestPace().pace

    init() throws {
        home = try TemporaryDirectory()
        now = Timestamp(seconds: 1_795_143_845)
    }

    /// Writes a file below the home and gives its path.
    @discardableResult
    func file(_ name: String, _ text: String, mode: UInt32 = 0o600) throws -> String {
        try TreeBuilder(home.path).file(ByteString(name), text: text, mode: mode)
        return "\(home.path)/\(name)"
    }

    /// Without instance metadata, which a test machine may really have, unless the variables name some.
    func environment(_ variables: [String: String]) -> AWSEnvironment {
        var all = ["HOME": home.path]
        if variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == nil { all["AWS_EC2_METADATA_DISABLED"] = "true" }
        return AWSEnvironment(all.merging(variables) { $1 })
    }

    func chain(_ settings: CredentialSettings = CredentialSettings(), _ variables: [String: String] = [:])
        -> CredentialChain
    {
        var client = HTTPSettings(userAgent: "test")
        client.usesProxies = false
        let now = now
        return CredentialChain(
            settings, environment: environment(variables), http: HTTPClient(client), clock: Clock { now },
            pace: pace)
    }

    /// Looks for credentials on a thread that may block.
    func find(_ settings: CredentialSettings = CredentialSettings(), _ variables: [String: String] = [:]) async throws
        -> Credentials
    {
        let chain = chain(settings, variables)
        return try await onOwnThread { try chain.find() }
    }

    /// As STS answers AssumeRole.
    static func answer(_ action: String, key: String, expires: String = "2026-11-20T04:04:05Z") -> String {
        """
        <\(action)Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><\(action)Result>
        <AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/x/y</Arn></AssumedRoleUser>
        <Credentials><AccessKeyId>\(key)</AccessKeyId><SecretAccessKey>secret-of-\(key)</SecretAccessKey>
        <SessionToken>token-of-\(key)</SessionToken><Expiration>\(expires)</Expiration></Credentials>
        </\(action)Result></\(action)Response>
        """
    }

    static func error(_ code: String, _ message: String = "words") -> String {
        "<ErrorResponse><Error><Type>Sender</Type><Code>\(code)</Code><Message>\(message)</Message></Error></ErrorResponse>"
    }

    /// As containers and instances answer.
    static func json(key: String, expires: String = "2026-11-20T09:00:00Z", code: String? = nil) -> String {
        """
        {\(code.map { "\"Code\": \"\($0)\", " } ?? "")"AccessKeyId": "\(key)", "SecretAccessKey": "secret-of-\(key)",
        "Token": "token-of-\(key)", "Expiration": "\(expires)"}
        """
    }

    static func expected(_ key: String, expires: String) -> Credentials {
        Credentials(
            accessKey: key, secretKey: Secret("secret-of-\(key)"), sessionToken: Secret("token-of-\(key)"),
            expires: Timestamp(rfc3339: expires))
    }
}
