import AWS
import HTTP
package import Logging
package import Platform
package import Settings

extension OpenVault {
    /// Opens a vault in a bucket.
    ///
    /// - Throws: as ``bucketStore(_:clock:log:)``.
    static func bucket(_ settings: BucketSettings, name: String, log: Logger) throws(Fault) -> OpenVault {
        let store = try bucketStore(settings, log: log)
        // The same bucket behind another server is another vault.
        let identity = store.description + (settings.endpoint.map { " at \($0)" } ?? "")
        return OpenVault(name: name, store: store, identity: identity, storageClass: settings.storageClass)
    }

    /// The store in a bucket.
    ///
    /// - Throws: `settings` when no place names a region, or the endpoint is none; nothing is sent yet.
    package static func bucketStore(
        _ settings: BucketSettings, clock: Clock = .system, backoff: Backoff = Backoff(), log: Logger
    ) throws(Fault) -> S3Store {
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
        let client = S3Client(
            bucket: settings.bucket, endpoint: endpoint, http: http, credentials: chain.source(),
            pace: AdaptivePace(most: settings.uploads + 8, backoff: backoff), clock: clock)
        return S3Store(client, prefix: settings.prefix, options(settings, clock))
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
