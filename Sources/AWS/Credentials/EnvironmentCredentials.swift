package import Platform

/// Credentials in `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
package struct EnvironmentCredentials: CredentialProvider {
    private let environment: AWSEnvironment

    package init(_ environment: AWSEnvironment) { self.environment = environment }

    package var name: String { "environment" }

    package func find() throws(Fault) -> CredentialSearch {
        let (key, secret) = (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
        guard let key else {
            guard secret == nil else {
                throw Fault(.settings, "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not")
            }
            return .absent("AWS_ACCESS_KEY_ID is not set")
        }
        guard let secret else {
            throw Fault(.settings, "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not")
        }
        return .found(
            Credentials(
                accessKey: key, secretKey: Secret(secret),
                sessionToken: environment["AWS_SESSION_TOKEN"].map { Secret($0) }))
    }
}
