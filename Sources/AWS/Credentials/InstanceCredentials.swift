import HTTP
import Platform

/// Credentials of the role of this EC2 instance, from its metadata service, version 2 only: version 1 answers whoever can
/// make this machine send a request.
struct InstanceCredentials: CredentialProvider {
    let environment: AWSEnvironment
    /// With short timeouts: on a machine that is no instance nobody answers.
    let http: HTTPClient
    let retrying: Retrying

    private static let address = "http://169.254.169.254"
    private static let addressOfIPv6 = "http://[fd00:ec2::254]"
    private static let path = "/latest/meta-data/iam/security-credentials/"

    var name: String { "instance metadata" }

    func find() throws(Fault) -> CredentialSearch {
        if environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() == "true" {
            return .absent("AWS_EC2_METADATA_DISABLED is set")
        }
        let service = try service()
        let source = "instance metadata \(service.origin)"
        let token: Secret
        var isThere = false
        do { token = try self.token(service, source, &isThere) } catch {
            // Where nobody answers there is no instance; a service that answers with an error is in trouble.
            if !isThere, error.code == .unreachable, error.retry == .temporary { return .absent("\(error)") }
            throw error
        }
        let roles = try get(service, Self.path, token, source)
        guard let roles else { return .absent("the instance has no role") }
        let role = String(decoding: roles, as: UTF8.self).split(whereSeparator: \.isWhitespace).first ?? ""
        guard !role.isEmpty else { return .absent("the instance has no role") }
        let isName = role.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x2F && $0 != 0x3F && $0 != 0x23 }
        guard isName, let answer = try get(service, Self.path + role, token, source) else {
            throw Fault(.damaged, "\(source): names a role that it doesn't know")
        }
        let parsed = try CredentialAnswer(answer, from: source)
        if let code = parsed.Code, code != "Success" {
            throw Fault(
                .permission, "\(source): role \(role): \(code)\(parsed.Message.map { ": \($0)" } ?? "")",
                hint: "Check the trust of the instance's role.")
        }
        return .found(try parsed.credentials(from: source))
    }

    private func service() throws(Fault) -> HTTPAddress {
        let isIPv6 = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"]?.lowercased() == "ipv6"
        let url = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? (isIPv6 ? Self.addressOfIPv6 : Self.address)
        guard let service = HTTPAddress(url) else {
            throw Fault(.settings, "AWS_EC2_METADATA_SERVICE_ENDPOINT is no http or https URL")
        }
        return service
    }

    /// Asks for a token, which proves that whoever asks can send a PUT; `isThere` becomes true once there was any answer.
    private func token(_ service: HTTPAddress, _ source: String, _ isThere: inout Bool) throws(Fault) -> Secret {
        let body = try retrying.run { _ throws(Fault) in
            let headers = HTTPHeaders([("X-aws-ec2-metadata-token-ttl-seconds", "300")])
            let response = try http.send(service.request(.put, path: "/latest/api/token", headers: headers))
            isThere = true
            guard response.isSuccess else {
                throw MetadataFault.of(response.status, source).hinting(
                    "Metadata must be switched on, and in a container its hop limit must be 2.")
            }
            return response.body
        }
        let text = String(decoding: body, as: UTF8.self)
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Fault(.damaged, "\(source): gives a token that is none")
        }
        return Secret(text)
    }

    /// Nothing for what isn't there.
    private func get(_ service: HTTPAddress, _ path: String, _ token: Secret, _ source: String) throws(Fault)
        -> [UInt8]?
    {
        try retrying.run { _ throws(Fault) -> [UInt8]? in
            let headers = HTTPHeaders([("X-aws-ec2-metadata-token", token.value)])
            let response = try http.send(service.request(.get, path: path, headers: headers))
            if response.status == 404 { return nil }
            guard response.isSuccess else { throw MetadataFault.of(response.status, source) }
            return response.body
        }
    }
}
