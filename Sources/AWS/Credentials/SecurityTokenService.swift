import Codec
import HTTP
import Platform

/// The calls of AWS STS that give credentials of a role (API reference of STS, version 2011-06-15).
struct SecurityTokenService: Sendable {
    let http: HTTPClient
    let environment: AWSEnvironment
    /// Nothing for the service's global address.
    let region: String?
    let clock: Clock
    let retrying: Retrying

    /// AssumeRole, with the credentials of somebody who may.
    func assumeRole(_ role: RoleRequest, with credentials: Credentials) throws(Fault) -> Credentials {
        try call("AssumeRole", role, [], as: credentials)
    }

    /// AssumeRoleWithWebIdentity: the token is the proof, nothing is signed.
    func assumeRole(_ role: RoleRequest, withWebIdentity token: Secret) throws(Fault) -> Credentials {
        try call("AssumeRoleWithWebIdentity", role, [("WebIdentityToken", token.value)], as: nil)
    }

    private func address() throws(Fault) -> HTTPAddress {
        if let url = environment["AWS_ENDPOINT_URL_STS"] ?? environment["AWS_ENDPOINT_URL"] {
            guard let address = HTTPAddress(url) else {
                throw Fault(.settings, "AWS_ENDPOINT_URL_STS: is no http or https URL")
            }
            return address
        }
        let domain = (region ?? "").hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
        guard let address = HTTPAddress("https://sts.\(region.map { "\($0)." } ?? "")\(domain)") else {
            throw Fault(.settings, "'\(ByteString(region ?? ""))' is no region")
        }
        return address
    }

    private func call(
        _ action: String, _ role: RoleRequest, _ more: [(String, String)], as credentials: Credentials?
    ) throws(Fault) -> Credentials {
        let address = try address()
        var form: [(String, String)] = [
            ("Action", action), ("Version", "2011-06-15"), ("RoleArn", role.arn), ("RoleSessionName", role.sessionName),
        ]
        if let duration = role.duration { form.append(("DurationSeconds", "\(duration)")) }
        if let id = role.externalID { form.append(("ExternalId", id)) }
        let body = Array(
            (form + more).map { "\($0)=\(PercentEncoding.encode($1))" }.joined(separator: "&").utf8)
        let subject = "\(action) \(role.arn) at \(address.origin)"
        // Seconds that the service's clock is ahead of ours.
        var offset: Int64 = 0
        var retrying = retrying
        // The offset is noted where the answer is.
        retrying.correctClock = { _ throws(Fault) in }
        return try retrying.run { _ throws(Fault) in
            var request = address.request(.post, path: "/")
            request.headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
            request.body = .bytes(body)
            if let credentials {
                var now = clock.now()
                now.seconds += offset
                SigV4(region: region ?? "us-east-1", service: "sts").sign(
                    &request, payload: SHA256Hasher.digest(of: body), with: credentials, at: now)
            }
            let response = try http.send(request)
            if !response.isSuccess, let date = response.headers["Date"].flatMap({ HTTPDate.parse($0) }) {
                offset = date.seconds - clock.now().seconds
            }
            return try Self.read(response, action, subject)
        }
    }

    private static func read(_ response: HTTPResponse, _ action: String, _ subject: String) throws(Fault) -> Credentials
    {
        let root: XMLElement?
        do { root = try XMLReader.read(response.body) } catch {
            // Of an error the status says enough.
            guard !response.isSuccess else { throw error.within(subject) }
            root = nil
        }
        guard response.isSuccess else {
            throw fault(status: response.status, root?["Error"] ?? root, subject)
        }
        guard let found = root?["\(action)Result"]?["Credentials"], let key = found.text("AccessKeyId"),
            let secret = found.text("SecretAccessKey"), let token = found.text("SessionToken"),
            let end = found.text("Expiration").flatMap({ Timestamp(iso8601: $0) })
        else { throw Fault(.damaged, "\(subject): the answer has no credentials") }
        return Credentials(
            accessKey: key, secretKey: Secret(secret), sessionToken: Secret(token), expires: end)
    }

    private static func fault(status: Int, _ error: XMLElement?, _ subject: String) -> Fault {
        let code = error?.text("Code") ?? "status \(status)"
        let words = error?.text("Message") ?? ""
        let message = "\(subject): \(ByteString(code))\(words.isEmpty ? "" : ": \(ByteString(words))")"
        switch code {
        case "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException":
            return Fault(.unreachable, message, retry: .throttle)
        case "IDPCommunicationError": return Fault(.unreachable, message, retry: .temporary)
        case "RequestExpired", "RequestTimeTooSkewed",
            "InvalidClientTokenId" where words.contains("expired"):
            return Fault(.permission, message, hint: "Set this machine's clock right.", retry: .clock)
        case "SignatureDoesNotMatch" where words.contains("Signature expired") || words.contains("not yet current"):
            return Fault(.permission, message, hint: "Set this machine's clock right.", retry: .clock)
        case "AccessDenied":
            return Fault(.permission, message, hint: "Check who is trusted by the role, and its external id.")
        case "ExpiredTokenException", "InvalidIdentityToken":
            return Fault(.permission, message, hint: "Check the token that the role is asked for with.")
        default: break
        }
        switch status {
        case 429: return Fault(.unreachable, message, retry: .throttle)
        case 500...599: return Fault(.unreachable, message, retry: .temporary)
        default: return Fault(.permission, message)
        }
    }
}
