import AWS
import Codec
import HTTP
import Ledger
import Platform
import TestSupport
import Testing
import Vault

@testable import Warehouse

/// A source bucket and a vault in another one, both of the tests' gateway.
struct LakeBuckets: Sendable {
    let source: S3Client
    let vault: S3Store
    let places: CopyPlaces
    let keys: DestinationKeys
    let run: CivilDate

    init() throws {
        let server = try RGWServer.shared()
        var settings = HTTPSettings(userAgent: "coldchain-tests")
        settings.usesProxies = false
        let id = RandomID.make()
        source = S3Client(
            bucket: "lake-" + id, endpoint: try S3Endpoint(url: server.http, region: "us-east-1"),
            http: HTTPClient(settings),
            credentials: FixedCredentials(
                Credentials(accessKey: server.accessKey, secretKey: Secret(server.secretKey))))
        try source.createBucket()
        let target = source.sibling(bucket: "vault-" + id)
        try target.createBucket()
        vault = S3Store(target, prefix: "v", S3StoreOptions())
        places = CopyPlaces(vault)
        run = try #require(CivilDate("2026-11-20"))
        keys = DestinationKeys(job: "lake", run: run, prefix: vault.prefix)
    }

    var target: S3Client { vault.client }

    /// Puts an object into the source and gives its ETag.
    @discardableResult
    func put(_ key: ByteString, _ bytes: [UInt8], _ object: S3NewObject = S3NewObject()) throws -> String {
        try source.put(
            key, .bytes(bytes), digest: SHA256Hasher.digest(of: bytes), object, sendsChecksum: false
        ).get().etag
    }

    func putTarget(_ key: ByteString, _ bytes: [UInt8]) throws {
        _ = try target.put(
            key, .bytes(bytes), digest: SHA256Hasher.digest(of: bytes), S3NewObject(), sendsChecksum: false
        ).get()
    }

    func content(_ client: S3Client, _ key: ByteString) throws -> [UInt8] {
        guard let size = try client.head(key)?.size else { throw Fault(.notFound, "\(key)") }
        var bytes: [UInt8] = []
        if size > 0 { try client.get(key, 0..<size) { bytes.append(contentsOf: $0) } }
        return bytes
    }

    func delete(_ client: S3Client, _ key: ByteString) throws { _ = try client.perform(S3Call(.delete, key)) }

    func copier(_ options: ObjectCopier.Options = ObjectCopier.Options()) -> ObjectCopier {
        ObjectCopier(from: source, to: target, options)
    }

    /// A planned row of an object that is in the source.
    func row(_ key: ByteString, size: Int64, etag: String, wasHeld: Bool = false) -> Manifest.Row {
        var entry = Entry(
            key: key, kind: .file, size: size, modified: Timestamp(seconds: 1_700_000_000), mode: 0, uid: 0, gid: 0)
        entry.etag = etag
        var row = Manifest.Row(entry: entry, tenant: "d")
        row.run = run.description
        row.object = S3Client.text(keys.object(for: key, wasHeld: wasHeld))
        row.storageClass = DestinationKeys.isLog(key) ? "STANDARD" : "GLACIER"
        return row
    }

    /// A manifest of rows, as bytes.
    func manifest(_ rows: [Manifest.Row]) throws -> BytesSource {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let file = try directory.createFile("m")
            let writer = try ManifestWriter(file)
            for row in rows.sorted(by: { $0.entry.key < $1.entry.key }) { try writer.write(row) }
            _ = try writer.finish()
            return BytesSource(try directory.readFile("m"), name: "manifest")
        }
    }

    static func all(_ source: any RangedSource) throws -> [Manifest.Row] {
        let reader = try ManifestReader(source)
        var rows: [Manifest.Row] = []
        while let row = try reader.next() { rows.append(row) }
        return rows
    }
}
