import AWS
import HTTP
import Platform
import Testing

struct S3ErrorTests {
    private static func answer(_ status: Int, _ code: String) -> HTTPResponse {
        HTTPResponse(
            status: status,
            body: Array("<Error><Code>\(code)</Code><Message>words</Message><RequestId>R1</RequestId></Error>".utf8))
    }

    @Test(arguments: [
        (503, "SlowDown", ErrorClass.throttle, Fault.Code.unreachable), (500, "InternalError", .retry, .unreachable),
        (400, "RequestTimeout", .retry, .io), (403, "RequestTimeTooSkewed", .clockSkew, .permission),
        (400, "ExpiredToken", .credentials, .permission),
        (403, "InvalidAccessKeyId", .credentials, .permission), (404, "NoSuchKey", .permanent, .notFound),
        (404, "NoSuchUpload", .permanent, .notFound), (403, "AccessDenied", .permanent, .permission),
        (403, "InvalidObjectState", .permanent, .tryLater), (412, "PreconditionFailed", .permanent, .exists),
        (400, "XAmzContentSHA256Mismatch", .permanent, .damaged), (301, "PermanentRedirect", .redirect, .io),
        (501, "NotImplemented", .permanent, .unsupported), (507, "InsufficientCapacity", .retry, .noSpace),
        (409, "OperationAborted", .retry, .io),
    ])
    func `an error has a class and a code`(
        _ status: Int, _ code: String, _ errorClass: ErrorClass, _ faultCode: Fault.Code
    ) {
        let error = S3Error(Self.answer(status, code))
        #expect(error.errorClass == errorClass)
        let fault = error.fault("s3://b/k")
        #expect(fault.code == faultCode)
        #expect(fault.message == "s3://b/k: \(code): words (request R1)")
        let retries: [ErrorClass: Fault.Retry] = [
            .retry: .temporary, .throttle: .throttle, .clockSkew: .clock, .credentials: .credentials,
        ]
        #expect(fault.retry == retries[errorClass] ?? .permanent)
    }

    @Test(arguments: [
        (404, "NotFound", Fault.Code.notFound), (503, "ServiceUnavailable", .unreachable), (418, "HTTP 418", .io),
    ])
    func `an answer without a document is told by its status`(_ status: Int, _ code: String, _ faultCode: Fault.Code) {
        for body in ["", "<html>gateway</html>", "gateway"] {
            let error = S3Error(HTTPResponse(status: status, body: Array(body.utf8)))
            #expect(error.code == code)
            #expect(error.fault("x").code == faultCode)
        }
    }

    @Test func `control characters of a server do not reach a terminal`() {
        let body = "<Error><Code>X</Code><Message>a\u{9B}31mb</Message></Error>"
        let fault = S3Error(HTTPResponse(status: 400, body: Array(body.utf8))).fault("x")
        #expect(!fault.message.unicodeScalars.contains("\u{9B}"))
    }
}
