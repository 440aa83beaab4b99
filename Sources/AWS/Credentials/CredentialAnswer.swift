import FoundationEssentials
import Platform

/// Credentials as JSON: what `credential_process`, container endpoints and instance metadata answer.
struct CredentialAnswer: Decodable {
    /// Of `credential_process`, which must say 1.
    var Version: Int?
    /// Of instance metadata: `Success`, or what went wrong.
    var Code: String?
    var Message: String?
    var AccessKeyId: String?
    var SecretAccessKey: String?
    /// The session token of `credential_process`.
    var SessionToken: String?
    /// That of the other two.
    var Token: String?
    var Expiration: String?

    /// Reads an answer.
    ///
    /// - Parameters:
    ///   - bytes: JSON; never shown, since it has secrets in it.
    ///   - source: what stands in messages.
    /// - Throws: `damaged` for anything else.
    init(_ bytes: [UInt8], from source: String) throws(Fault) {
        do { self = try JSONDecoder().decode(CredentialAnswer.self, from: Data(bytes)) } catch {
            throw Fault(.damaged, "\(source): the answer is no JSON object with credentials")
        }
    }

    /// The credentials of the answer.
    ///
    /// - Throws: `damaged` when it has none, or an end that is no date.
    func credentials(from source: String) throws(Fault) -> Credentials {
        guard let key = AccessKeyId, let secret = SecretAccessKey, !key.isEmpty, !secret.isEmpty else {
            throw Fault(.damaged, "\(source): the answer has no AccessKeyId and SecretAccessKey")
        }
        var expires: Timestamp?
        if let text = Expiration {
            guard let moment = Timestamp(iso8601: text) else {
                throw Fault(.damaged, "\(source): the answer ends at no date that is known (ISO 8601)")
            }
            expires = moment
        }
        return Credentials(
            accessKey: key, secretKey: Secret(secret), sessionToken: (SessionToken ?? Token).map { Secret($0) },
            expires: expires)
    }
}
