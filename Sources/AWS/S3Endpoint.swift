package import HTTP
package import Platform

/// Where S3 is, and how a bucket is named there.
package struct S3Endpoint: Sendable, Equatable {
    package enum Addressing: String, Sendable, CaseIterable {
        /// Virtual hosts at AWS where the bucket's name allows it, paths at other servers.
        case auto
        /// `https://HOST/BUCKET/KEY`.
        case path
        /// `https://BUCKET.HOST/KEY`.
        case virtual
    }

    package let scheme: HTTPRequest.Scheme
    package let host: String
    package let port: Int?
    package var region: String
    package let addressing: Addressing
    /// Whether the host follows from the region.
    package let isAWS: Bool

    /// S3 of AWS in a region.
    package init(region: String, addressing: Addressing = .auto) {
        (scheme, port, isAWS) = (.https, nil, true)
        host = Self.host(region)
        self.region = region
        self.addressing = addressing
    }

    /// Another server.
    ///
    /// - Parameters:
    ///   - url: `http://HOST`, `https://HOST:PORT`; no path.
    ///   - region: what requests are signed for.
    ///   - addressing: how buckets are named there.
    /// - Throws: `settings` for anything else than such a URL.
    package init(url: String, region: String, addressing: Addressing = .auto) throws(Fault) {
        let wrong = Fault(
            .settings, "endpoint '\(url)' is not of the form https://HOST[:PORT]",
            hint: "Write scheme, host and port alone; how buckets are named there is told by addressing.")
        guard let address = HTTPAddress(url), address.path == "/", address.query == nil else { throw wrong }
        (scheme, host, port, isAWS) = (address.scheme, address.host, address.port, false)
        self.region = region
        self.addressing = addressing
    }

    /// The same service in another region, where the host follows from it.
    package func moved(to region: String) -> S3Endpoint {
        if isAWS { return S3Endpoint(region: region, addressing: addressing) }
        var copy = self
        copy.region = region
        return copy
    }

    /// The address of a bucket, or of an object in it.
    package func request(
        _ method: HTTPRequest.Method, bucket: String, key: ByteString? = nil, query: [HTTPRequest.QueryItem] = []
    ) -> HTTPRequest {
        let keyPath = key.map { PercentEncoding.encode($0.bytes, keepingSlash: true) } ?? ""
        let isVirtual: Bool
        switch addressing {
        case .path: isVirtual = false
        case .virtual: isVirtual = true
        // A dot in the name would not match the certificate of *.s3.REGION.amazonaws.com.
        case .auto: isVirtual = isAWS && !bucket.contains(".") && bucket == bucket.lowercased()
        }
        if isVirtual {
            return HTTPRequest(
                method, scheme: scheme, host: "\(bucket).\(host)", port: port, path: "/" + keyPath, query: query)
        }
        let bucketPath = PercentEncoding.encode(bucket)
        return HTTPRequest(
            method, scheme: scheme, host: host, port: port,
            path: key == nil ? "/\(bucketPath)" : "/\(bucketPath)/\(keyPath)", query: query)
    }

    private static func host(_ region: String) -> String {
        "s3.\(region).amazonaws.com" + (region.hasPrefix("cn-") ? ".cn" : "")
    }
}
