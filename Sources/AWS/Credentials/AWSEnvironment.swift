import Glibc

/// The variables that the AWS tools go by, as a parameter.
package struct AWSEnvironment: Sendable {
    /// The variables that count; all others are left alone.
    package static let names = [
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE",
        "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "CREDENTIALS_DIRECTORY",
        "HOME",
    ]

    private let variables: [String: String]

    package init(_ variables: [String: String]) { self.variables = variables }

    /// The environment of this process.
    package static var process: AWSEnvironment {
        var variables: [String: String] = [:]
        for name in names { if let value = getenv(name) { variables[name] = String(cString: value) } }
        return AWSEnvironment(variables)
    }

    /// The value of a variable; an empty one counts as none.
    package subscript(name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// A path with a leading `~` as it is meant.
    func expanded(_ path: String) -> String {
        guard path == "~" || path.hasPrefix("~/"), let home = self["HOME"] else { return path }
        return home + path.dropFirst()
    }
}
