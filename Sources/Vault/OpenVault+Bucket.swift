package import AWS
import HTTP
package import Logging
package import Platform
package import Settings

extension OpenVault {
    /// Opens a vault in a bucket.
    ///
    /// - Throws: as ``bucketStore(_:requests:clock:log:)``.
    static func bucket(
        _ settings: BucketSettings, name: String, requests: Int? = nil, log: Logger
    ) throws(Fault) -> OpenVault {
        let store = try bucketStore(settings, requests: requests, log: log)
        // The same bucket behind another server is another vault.
        let identity = store.description + (settings.endpoint.map { " at \($0)" } ?? "")
        return OpenVault(name: name, store: store, identity: identity, storageClass: settings.storageClass)
    }

    /// The store in a bucket.
    ///
    /// - Throws: `settings` when no place names a region, or the endpoint is none; nothing is sent yet.
    package static func bucketStore(
        _ settings: BucketSettings, requests: Int? = nil, clock: Clock = .system, log: Logger
    ) throws(Fault) -> S3Store {
        let client = try bucketClient(settings, requests: requests ?? settings.uploads + 8, clock: clock, log: log)
        return S3Store(client, prefix: settings.prefix, options(settings, clock))
    }

    /// A client of a bucket, whatever lies in it.
    ///
    /// - Parameters:
    ///   - settings: how it is reached.
    ///   - requests: the most that are on their way at once.
    ///   - clock: tells when requests are signed.
    ///   - log: is told of credentials and connections.
    /// - Throws: `settings` when no place names a region, or the endpoint is none; nothing is sent yet.
    package static func bucketClient(
        _ settings: BucketSettings, requests: Int, clock: Clock = .system, log: Logger
    ) throws(Fault) -> S3Client {
        var connections = HTTPSettings(userAgent: Version.tool.replacing(" ", with: "/"))
        connections.certificates = settings.certificates
        connections.bind = settings.bind
        let http = HTTPClient(connections, log: log)
        let chain = CredentialChain(
            CredentialSettings(profile: settings.profile, roleARN: settings.roleARN, region: settings.region),
            http: http, clock: clock, log: log)
        // Another server has no regions, but signatures need one.
        guard let region = try chain.region() ?? (settings.endpoint == nil ? nil : "us-east-1") else {
            throw Fault(
                .settings, "no region is set for bucket '\(settings.bucket)'",
                hint: "Write region = \"eu-central-1\" into the vault's table, or set AWS_REGION.")
        }
        let addressing = S3Endpoint.Addressing(rawValue: settings.addressing.rawValue) ?? .auto
        let endpoint: S3Endpoint
        if let url = settings.endpoint {
            endpoint = try S3Endpoint(url: url, region: region, addressing: addressing)
        } else {
            endpoint = S3Endpoint(region: region, addressing: addressing)
        }
        return S3Client(
            bucket: settings.bucket, endpoint: endpoint, http: http, credentials: chain.source(),
            pace: AdaptivePace(most: requests), clock: clock)
    }

    private static func options(_ settings: BucketSettings, _ clock: Clock) -> S3StoreOptions {
        var options = S3StoreOptions()
        options.archiveClass = settings.storageClass
        options.sidecarClass = settings.sidecarClass
        options.sendsChecksums = settings.checksums == .sha256
        options.encryption = settings.encryption.map { .init(algorithm: $0, key: settings.kmsKey) }
        options.lock = settings.lock.map { (mode: $0.mode.rawValue, days: $0.days) }
        options.uploads = settings.uploads
        options.rate = settings.bandwidth.map { RateLimit(bytesPerSecond: $0.bytesPerSecond) }
        options.clock = clock
        if let window = settings.window {
            options.mayStart = { () throws(Fault) in
                guard !window.contains(clock.now()) else { return }
                throw Fault(
                    .tryLater, "it is outside the window \(window) of bucket '\(settings.bucket)'",
                    hint: "What has arrived is kept; the next attempt inside the window goes on there.")
            }
        }
        return options
    }
}
