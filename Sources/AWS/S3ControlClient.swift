import Codec
package import HTTP
package import Platform

/// Calls of the S3 Control API (version 2018-08-20): the jobs of S3 Batch Operations of one account in one region.
///
/// Every call blocks, and every call may be made again: CreateJob is told apart by its token.
package struct S3ControlClient: Sendable {
    private let account: String
    private let region: String
    private let address: (scheme: HTTPRequest.Scheme, host: String, port: Int?)
    private let http: HTTPClient
    private let source: any CredentialSource
    private let clock: Clock
    private let retrying: Retrying

    static let namespace = "http://awss3control.amazonaws.com/doc/2018-08-20/"
    private static let jobs = "/v20180820/jobs"

    /// A client.
    ///
    /// - Parameters:
    ///   - account: twelve digits.
    ///   - region: that of the target's bucket, where a job must be made.
    ///   - endpoint: another place, `http://HOST:PORT`; nothing for AWS's own.
    ///   - http: sends.
    ///   - credentials: of somebody who may make jobs.
    ///   - clock: for signatures.
    ///   - retrying: how often, and with which pauses.
    /// - Throws: `settings` for an endpoint that is none.
    package init(
        account: String, region: String, endpoint: String? = nil, http: HTTPClient,
        credentials: any CredentialSource, clock: Clock = .system, retrying: Retrying = Retrying()
    ) throws(Fault) {
        self.account = account
        self.region = region
        self.http = http
        source = credentials
        self.clock = clock
        self.retrying = retrying
        if let endpoint {
            let place = try S3Endpoint(url: endpoint, region: region)
            address = (place.scheme, place.host, place.port)
        } else {
            let domain = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
            address = (.https, "\(account).s3-control.\(region).\(domain)", nil)
        }
    }

    /// CreateJob.
    ///
    /// - Returns: the job's id: that of the job that the same token has made before, if there is one.
    package func create(_ job: BatchCopyJob) throws(Fault) -> String {
        let root = try call(.post, Self.jobs, body: job.request)
        guard let id = root.text("JobId") else { throw Fault(.damaged, "CreateJob: the answer names no job") }
        return id
    }

    /// DescribeJob.
    package func describe(_ id: String) throws(Fault) -> BatchJobStatus {
        let root = try call(.get, "\(Self.jobs)/\(PercentEncoding.encode(id))")
        guard let job = root["Job"], let status = BatchJobStatus(job) else {
            throw Fault(.damaged, "DescribeJob \(ByteString(id)): the answer tells no state")
        }
        return status
    }

    /// UpdateJobStatus: `Ready` for a job that waits for a confirmation, `Cancelled` for one that is not wanted any more.
    package func update(_ id: String, to state: String, why: String) throws(Fault) {
        _ = try call(
            .post, "\(Self.jobs)/\(PercentEncoding.encode(id))/status",
            query: [.init("requestedJobStatus", state), .init("statusUpdateReason", why)])
    }

    private func call(
        _ method: HTTPRequest.Method, _ path: String, query: [HTTPRequest.QueryItem] = [], body: [UInt8] = []
    ) throws(Fault) -> XMLElement {
        let offset = Monitor<Int64>(0)
        let refused = Monitor<Credentials?>(nil)
        var retrying = retrying
        // The offset is noted where the answer is.
        retrying.correctClock = { _ throws(Fault) in }
        retrying.renewCredentials = { [source] _ throws(Fault) in
            if let old = refused.with({ $0 }) { source.discard(old) }
        }
        return try retrying.run { _ throws(Fault) in
            var request = HTTPRequest(
                method, scheme: address.scheme, host: address.host, port: address.port, path: path, query: query)
            request.headers["x-amz-account-id"] = account
            if !body.isEmpty {
                request.headers["Content-Type"] = "application/xml"
                request.body = .bytes(body)
            }
            let credentials = try source.credentials()
            var now = clock.now()
            now.seconds += offset.with { $0 }
            SigV4(region: region, service: "s3").sign(
                &request, payload: SHA256Hasher.digest(of: body), with: credentials, at: now)
            let response = try http.send(request)
            guard !response.isSuccess else {
                return response.body.isEmpty ? XMLElement("") : try XMLReader.read(response.body)
            }
            if let date = response.headers["Date"].flatMap({ HTTPDate.parse($0) }) {
                offset.with { $0 = date.seconds - clock.now().seconds }
            }
            refused.with { $0 = credentials }
            throw Self.fault(S3Error(response), path)
        }
    }

    private static func fault(_ error: S3Error, _ path: String) -> Fault {
        let fault = error.fault("S3 Batch Operations \(path.dropFirst("/v20180820/".utf8.count))")
        guard error.code == "AccessDenied" else { return fault }
        return Fault(
            fault.code, fault.message,
            hint:
                "The vault's credentials need s3:CreateJob, s3:DescribeJob, s3:UpdateJobStatus, and iam:PassRole for the role of the job. 'ship setup' prints the policies.",
            retry: fault.retry)
    }
}
