import HTTP
import Platform

/// What can be put right between two attempts at a call: a skewed clock, expired credentials, a bucket in another region.
extension S3Client {
    /// What an attempt is signed with; other threads may find out better while it is on its way.
    struct Signing {
        let credentials: Credentials
        let endpoint: S3Endpoint
        /// Seconds.
        let clockOffset: Int64
    }

    /// Further apart than this, in seconds, and the service refuses signatures (15 minutes), with room for slow requests.
    private static let tolerableSkew: Int64 = 300

    func errorClass(
        _ error: S3Error, _ response: HTTPResponse, _ call: S3Call, _ signing: Signing
    ) -> ErrorClass {
        if call.hasOwnBody, error.isDigestMismatch { return .retry }
        // Answers to HEAD have no body, so what is wrong is told by the circumstances.
        if response.body.isEmpty {
            if response.status == 403, let skew = skew(response, signing), abs(skew) > Self.tolerableSkew {
                return .clockSkew
            }
            if response.status == 400, let region = error.region, region != signing.endpoint.region {
                return .redirect
            }
            if response.status == 400, signing.credentials.sessionToken != nil { return .credentials }
            if response.status == 301 || response.status == 307 { return .redirect }
        }
        return error.errorClass
    }

    /// Seconds that the service is ahead of us, beyond what the attempt took into account.
    private func skew(_ response: HTTPResponse, _ signing: Signing) -> Int64? {
        response.headers["Date"].flatMap { HTTPDate.parse($0) }
            .map { $0.seconds - clock.now().seconds - signing.clockOffset }
    }

    /// Whether the same call may end otherwise now.
    func repair(
        _ failure: ErrorClass, _ error: S3Error, _ response: HTTPResponse, _ signing: Signing
    ) -> Bool {
        switch failure {
        case .clockSkew:
            // Set, not added: requests of other threads may have been refused for the same skew.
            guard let skew = skew(response, signing), skew != 0 else { return false }
            clockOffset.with { $0 = signing.clockOffset + skew }
            return true
        case .credentials:
            source.discard(signing.credentials)
            return true
        case .redirect:
            guard let region = error.region, Self.isRegion(region), region != signing.endpoint.region else {
                return false
            }
            place.with { $0 = $0.moved(to: region) }
            return true
        case .permanent, .retry, .throttle: return false
        }
    }

    /// Whether a word of the service can be a part of a host's name.
    private static func isRegion(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 63
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D }
    }
}
