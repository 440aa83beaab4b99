package import HTTP
package import Platform

/// An error answer of S3 ("Error responses", S3 API reference); thrown only as the fault that it makes.
package struct S3Error: Error, Sendable, Equatable {
    package var status: Int
    /// The word of the service, for example `NoSuchKey`; of an answer without a body, what its status means.
    package var code: String
    package var message: String
    package var requestID: String
    /// Where the bucket is, if the service says so.
    package var region: String?

    /// Reads an error answer, whatever is in it.
    package init(_ response: HTTPResponse) {
        let element = (try? XMLReader.read(response.body)).flatMap { $0.name == Self.root ? $0 : $0[Self.root] }
        self.init(response, element: element)
    }

    /// The root of an error's document.
    static let root = "Error"

    /// Reads an answer whose document, if it is a success with one, is read already: status 200 may come with an error in
    /// its body, as of Complete and Copy; nothing for a success.
    init?(_ response: HTTPResponse, _ document: XMLElement?) {
        if !response.isSuccess {
            self.init(response)
        } else if let document, document.name == Self.root {
            self.init(response, element: document)
        } else {
            return nil
        }
    }

    private init(_ response: HTTPResponse, element: XMLElement?) {
        status = response.status
        code = element?.text("Code") ?? Self.code(ofStatus: response.status)
        message = element?.text("Message") ?? ""
        requestID = element?.text("RequestId") ?? response.headers["x-amz-request-id"] ?? ""
        region = response.headers["x-amz-bucket-region"] ?? element?.text("Region")
    }

    private static func code(ofStatus status: Int) -> String {
        switch status {
        case 301, 307, 308: "PermanentRedirect"
        case 304: "NotModified"
        case 400: "BadRequest"
        case 403: "Forbidden"
        case 404: "NotFound"
        case 405: "MethodNotAllowed"
        case 409: "Conflict"
        case 412: "PreconditionFailed"
        case 416: "InvalidRange"
        case 429: "TooManyRequests"
        case 500: "InternalError"
        case 501: "NotImplemented"
        case 503: "ServiceUnavailable"
        default: "HTTP \(status)"
        }
    }

    /// What the error asks for.
    package var errorClass: ErrorClass {
        switch code {
        case "SlowDown", "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled",
            "RequestThrottledException", "RequestLimitExceeded", "TooManyRequests", "TooManyRequestsException",
            "BandwidthLimitExceeded", "ServiceUnavailable", "Busy":
            .throttle
        case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture": .clockSkew
        case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken", "InvalidAccessKeyId":
            .credentials
        case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed",
            "IllegalLocationConstraintException":
            .redirect
        // In transit a byte was changed or lost: the one who knows the right digest decides before another attempt.
        case "XAmzContentSHA256Mismatch", "BadDigest", "XAmzContentChecksumMismatch": .permanent
        case "InternalError", "RequestTimeout", "RequestTimeoutException", "OperationAborted", "IncompleteBody",
            "ConditionalRequestConflict", "ConnectionReset":
            .retry
        case "NotImplemented": .permanent
        default: status == 503 || status == 429 ? .throttle : status >= 500 ? .retry : .permanent
        }
    }

    /// Whether an upload in parts is not there any more; Ceph says it of the key.
    package var isUploadGone: Bool { code == "NoSuchUpload" || code == "NoSuchKey" }

    /// Whether the service found that a body is not what its digest says.
    package var isDigestMismatch: Bool {
        ["XAmzContentSHA256Mismatch", "BadDigest", "XAmzContentChecksumMismatch"].contains(code)
    }

    /// The fault: what was asked for, the words of the service, and its id of the request.
    package func fault(_ subject: String) -> Fault {
        let details = message.isEmpty ? "" : ": \(ByteString(message))"
        let id = requestID.isEmpty ? "" : " (request \(ByteString(requestID)))"
        let text = "\(subject): \(ByteString(code))\(details)\(id)"
        let mapped = mapping
        return Fault(mapped.code, text, hint: mapped.hint, retry: errorClass.retry)
    }

    private var mapping: (code: Fault.Code, hint: String?) {
        switch code {
        case "NoSuchBucket":
            return (.notFound, "Check the bucket's name in the settings, and its region and endpoint.")
        case "InvalidObjectState":
            return (.tryLater, "The object is in an archive class; have it restored first.")
        case "RestoreAlreadyInProgress": return (.tryLater, nil)
        // A HEAD has no body that says more.
        case "AccessDenied", "Forbidden":
            return (
                .permission,
                "Check the credentials, what their policies and that of the bucket allow, and the region; 'ship setup JOB' prints the policies that are needed."
            )
        case "InvalidAccessKeyId", "SignatureDoesNotMatch":
            return (.permission, "Check the credentials and the region.")
        case "RequestTimeTooSkewed": return (.permission, "Set this machine's clock right.")
        case "XAmzContentSHA256Mismatch", "BadDigest", "XAmzContentChecksumMismatch", "InvalidPart", "InvalidPartOrder":
            return (.damaged, nil)
        case "QuotaExceeded", "InsufficientCapacity", "TooManyObjects": return (.noSpace, nil)
        case "EntityTooLarge", "EntityTooSmall", "KeyTooLongError": return (.limit, nil)
        case "NotImplemented", "XNotImplemented": return (.unsupported, "This server doesn't have that operation.")
        default: break
        }
        switch status {
        case 404: return (.notFound, nil)
        case 401, 403: return (.permission, nil)
        case 412: return (.exists, nil)
        case 429, 500...599: return (.unreachable, nil)
        default: return errorClass == .credentials ? (.permission, nil) : (.io, nil)
        }
    }
}
