import AWS
import HTTP
import Platform

extension S3Client {
    /// A client of a store on this machine, past whatever the programs go through.
    static func direct(_ bucket: String, at url: String, accessKey: String, secretKey: String) throws -> S3Client {
        var settings = HTTPSettings(userAgent: "coldchain-tests")
        settings.usesProxies = false
        return S3Client(
            bucket: bucket, endpoint: try S3Endpoint(url: url, region: "us-east-1"), http: HTTPClient(settings),
            credentials: FixedCredentials(Credentials(accessKey: accessKey, secretKey: Secret(secretKey))))
    }
}
