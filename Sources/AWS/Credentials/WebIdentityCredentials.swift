import Platform

/// Credentials for the token of an identity provider: `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`, as Kubernetes sets
/// them for a service account.
struct WebIdentityCredentials: CredentialProvider {
    let context: CredentialContext

    var name: String { "web identity" }

    func find() throws(Fault) -> CredentialSearch {
        let environment = context.environment
        guard let path = environment["AWS_WEB_IDENTITY_TOKEN_FILE"] else {
            return .absent("AWS_WEB_IDENTITY_TOKEN_FILE is not set")
        }
        guard let arn = environment["AWS_ROLE_ARN"] else {
            throw Fault(.settings, "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not")
        }
        let role = RoleRequest(arn: arn, sessionName: environment["AWS_ROLE_SESSION_NAME"])
        // Read each time: the file is replaced before its token ends.
        let token = try SmallFile.token(environment.expanded(path))
        return .found(try context.tokenService(region: context.region).assumeRole(role, withWebIdentity: token))
    }
}
