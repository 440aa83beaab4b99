import HTTP
import Platform

/// Credentials that the container's agent gives: `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` (ECS) and
/// `AWS_CONTAINER_CREDENTIALS_FULL_URI` (EKS and others).
struct ContainerCredentials: CredentialProvider {
    let environment: AWSEnvironment
    let http: HTTPClient
    let retrying: Retrying

    /// The agent of ECS.
    static let agent = "http://169.254.170.2"
    /// To these and this machine itself a token goes without TLS: the agents of ECS and EKS.
    private static let agents: Set<String> = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"]

    var name: String { "container" }

    func find() throws(Fault) -> CredentialSearch {
        guard let url = try url() else {
            return .absent(
                "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set")
        }
        let source = "container endpoint \(url.origin)"
        let answer = try retrying.run { _ throws(Fault) in
            var headers = HTTPHeaders([("Accept", "application/json")])
            // Read for each try: the agent's token is rotated.
            if let token = try token() { headers["Authorization"] = token.value }
            let response = try http.send(url.request(.get, headers: headers))
            guard response.isSuccess else { throw MetadataFault.of(response.status, source) }
            return response.body
        }
        return .found(try CredentialAnswer(answer, from: source).credentials(from: source))
    }

    private func url() throws(Fault) -> HTTPAddress? {
        if let relative = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] {
            guard relative.hasPrefix("/"), let url = HTTPAddress(Self.agent + relative) else {
                throw Fault(.settings, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is no path of a URL")
            }
            return url
        }
        guard let full = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] else { return nil }
        guard let url = HTTPAddress(full) else {
            throw Fault(.settings, "AWS_CONTAINER_CREDENTIALS_FULL_URI is no http or https URL")
        }
        guard url.scheme == .https || url.isLoopback || Self.agents.contains(url.host) else {
            throw Fault(
                .settings, "AWS_CONTAINER_CREDENTIALS_FULL_URI: the host \(url.host) is not allowed without TLS",
                hint: "Use https, a loopback address, or the address of the agent of ECS or EKS.")
        }
        return url
    }

    /// The token file goes over the token.
    private func token() throws(Fault) -> Secret? {
        let token: Secret
        if let path = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
            token = try SmallFile.token(path)
        } else if let text = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] {
            token = Secret(text)
        } else {
            return nil
        }
        // In a header these would begin another one.
        guard !token.value.utf8.contains(where: { $0 == 0x0D || $0 == 0x0A || $0 == 0 }) else {
            throw Fault(.damaged, "the authorization token of the container has more than one line")
        }
        return token
    }
}

/// What an error status of a service in the machine's neighbourhood means.
enum MetadataFault {
    static func of(_ status: Int, _ source: String) -> Fault {
        switch status {
        case 429: Fault(.unreachable, "\(source): answers with status 429", retry: .throttle)
        case 500...599: Fault(.unreachable, "\(source): answers with status \(status)", retry: .temporary)
        default: Fault(.permission, "\(source): answers with status \(status)")
        }
    }
}
