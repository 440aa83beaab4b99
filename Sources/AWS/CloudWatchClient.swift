import Codec
package import HTTP
package import Platform

/// Puts figures into Amazon CloudWatch: PutMetricData (API reference of CloudWatch, version 2010-08-01).
///
/// Every call blocks. Trying again is the caller's, but for a clock that is off and for credentials that are over: these
/// are put right once each.
package final class CloudWatchClient: Sendable {
    /// One figure.
    package struct Datum: Sendable, Equatable {
        package var name: String
        package var dimensions: [(name: String, value: String)]
        package var value: Double
        /// A word of the service: `Count`, `Bytes`, `Seconds`, `None`.
        package var unit: String
        package var time: Timestamp

        package init(
            _ name: String, dimensions: [(name: String, value: String)], value: Double, unit: String, time: Timestamp
        ) {
            self.name = name
            self.dimensions = dimensions
            self.value = value
            self.unit = unit
            self.time = time
        }

        package static func == (left: Datum, right: Datum) -> Bool {
            left.name == right.name && left.value == right.value && left.unit == right.unit && left.time == right.time
                && left.dimensions.elementsEqual(right.dimensions, by: ==)
        }
    }

    /// The service takes no more in one request.
    private static let most = 1_000

    private let address: HTTPAddress
    private let region: String
    private let http: HTTPClient
    private let source: any CredentialSource
    private let clock: Clock
    /// Seconds that the service's clock is ahead of ours.
    private let offset = Monitor<Int64>(0)

    /// A client.
    ///
    /// - Parameters:
    ///   - region: where the figures go.
    ///   - endpoint: another address than the region's own.
    ///   - http: what sends.
    ///   - credentials: who puts them; `cloudwatch:PutMetricData` is all it takes.
    ///   - clock: signs.
    /// - Throws: `settings` for an endpoint or region that is none.
    package init(
        region: String, endpoint: String? = nil, http: HTTPClient, credentials: any CredentialSource,
        clock: Clock = .system
    ) throws(Fault) {
        let domain = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
        guard let address = HTTPAddress(endpoint ?? "https://monitoring.\(region).\(domain)") else {
            throw Fault(
                .settings,
                endpoint.map { "'\(ByteString($0))' is no http or https URL" } ?? "'\(ByteString(region))' is no region"
            )
        }
        self.address = address
        self.region = region
        self.http = http
        source = credentials
        self.clock = clock
    }

    /// Puts figures, a thousand in a request.
    ///
    /// - Parameters:
    ///   - data: the figures; none is no request.
    ///   - namespace: where they stand together.
    /// - Throws: the service's error with its words, temporary or throttled where another try may succeed; what transport
    ///   and credentials throw.
    package func put(_ data: [Datum], namespace: String) throws(Fault) {
        var rest = data[...]
        while !rest.isEmpty {
            try put(rest.prefix(Self.most), namespace)
            rest = rest.dropFirst(Self.most)
        }
    }

    private func put(_ data: ArraySlice<Datum>, _ namespace: String) throws(Fault) {
        let body = Array(Self.form(data, namespace).utf8)
        let used = Monitor<Credentials?>(nil)
        // Neither correction waits, and nothing else is tried again here.
        let retrying = Retrying(
            backoff: Backoff(deadline: 0), correctClock: { _ throws(Fault) in },
            renewCredentials: { [source] _ throws(Fault) in if let old = used.with({ $0 }) { source.discard(old) } })
        try retrying.run { _ throws(Fault) in
            let credentials = try source.credentials()
            used.with { $0 = credentials }
            var request = address.request(.post)
            request.headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
            request.body = .bytes(body)
            var now = clock.now()
            now.seconds += offset.with { $0 }
            SigV4(region: region, service: "monitoring").sign(
                &request, payload: SHA256Hasher.digest(of: body), with: credentials, at: now)
            let response = try http.send(request)
            guard !response.isSuccess else { return }
            var fault = S3Error(response).fault("PutMetricData at \(address.origin)")
            if fault.retry == .clock, let date = response.headers["Date"].flatMap({ HTTPDate.parse($0) }) {
                offset.with { $0 = date.seconds - clock.now().seconds }
            }
            if fault.code == .permission, fault.retry == .permanent {
                fault.hint = "Check the credentials, and that their policies allow cloudwatch:PutMetricData."
            }
            throw fault
        }
    }

    /// The request in the query protocol.
    static func form(_ data: some Collection<Datum>, _ namespace: String) -> String {
        var fields = [("Action", "PutMetricData"), ("Version", "2010-08-01"), ("Namespace", namespace)]
        for (index, datum) in data.enumerated() {
            let member = "MetricData.member.\(index + 1)"
            fields.append(("\(member).MetricName", datum.name))
            for (number, dimension) in datum.dimensions.enumerated() {
                fields.append(("\(member).Dimensions.member.\(number + 1).Name", dimension.name))
                fields.append(("\(member).Dimensions.member.\(number + 1).Value", dimension.value))
            }
            fields.append(("\(member).Value", "\(datum.value)"))
            fields.append(("\(member).Unit", datum.unit))
            fields.append(("\(member).Timestamp", datum.time.rfc3339))
        }
        return fields.map { "\($0)=\(PercentEncoding.encode($1))" }.joined(separator: "&")
    }
}
