import AWS
import Codec
import HTTP
import Platform
import TestSupport
import Vault

/// A new bucket of the tests' gateway, and a vault in it.
struct CephBucket {
    let client: S3Client
    /// What all keys of the vault begin with.
    static let prefix = "logs"

    init(overTLS: Bool = false, withObjectLock: Bool = false) throws {
        let server = try RGWServer.shared()
        client = S3Client(
            bucket: "test-" + RandomID.make(),
            endpoint: try S3Endpoint(url: overTLS ? server.tls : server.http, region: "us-east-1"),
            http: Self.http(certificates: overTLS ? server.certificate : nil),
            credentials: FixedCredentials(
                Credentials(accessKey: server.accessKey, secretKey: Secret(server.secretKey))))
        try client.createBucket(withObjectLock: withObjectLock)
    }

    static func http(certificates: String? = nil) -> HTTPClient {
        var settings = HTTPSettings(userAgent: "coldchain-tests")
        settings.certificates = certificates
        settings.usesProxies = false
        return HTTPClient(settings)
    }

    func store(_ options: S3StoreOptions = S3StoreOptions()) -> S3Store {
        S3Store(client, prefix: Self.prefix, options)
    }

    func key(_ key: ObjectKey) -> ByteString { ByteString(Self.prefix + "/") + key.bytes }

    /// Puts other bytes in an object's place, with the metadata that it had.
    func flip(_ key: ObjectKey, at offset: Int) throws {
        guard let info = try client.head(self.key(key)) else { throw Fault(.notFound, "\(key)") }
        var bytes: [UInt8] = []
        try client.get(self.key(key), 0..<info.size) { bytes.append(contentsOf: $0) }
        bytes[offset] ^= 1
        var object = S3NewObject()
        object.metadata = info.metadata
        _ = try client.put(
            self.key(key), .bytes(bytes), digest: SHA256Hasher.digest(of: bytes), object, sendsChecksum: false
        ).get()
    }
}
