package import AWS
import HTTP
package import Platform

/// Asks the source whether it has an object; only what it says clearly counts as gone.
package struct SourceLook: Sendable {
    private let source: S3Client

    /// - Parameter source: the bucket, with credentials that may read and list it.
    package init(_ source: S3Client) { self.source = source }

    /// What HEAD says of an object.
    ///
    /// - Parameters:
    ///   - key: at the source.
    ///   - version: empty for the newest one.
    /// - Returns: nothing only when the source says in words that it is not there.
    /// - Throws: the service's error: a refusal, or a bucket that is not there, says nothing of the object.
    package func find(_ key: ByteString, version: String = "") throws(Fault) -> S3ObjectInfo? {
        let version = version.isEmpty ? nil : version
        do throws(Fault) {
            if let info = try source.head(key, version: version) { return info }
        } catch {
            throw error.hinting(
                "The vault's credentials must be allowed to read the source, and to list it: without s3:ListBucket a missing object is a refused one. 'ship setup' prints the policies."
            )
        }
        // An answer to HEAD has no words: 404 may be the bucket's.
        let query = version.map { [HTTPRequest.QueryItem("versionId", $0)] } ?? []
        let call = S3Call(.get, key, query: query, headers: HTTPHeaders([("Range", "bytes=0-0")]))
        switch try source.attempt(call) {
        case .success:
            if let info = try source.head(key, version: version) { return info }
            throw Fault(.changed, "\(source.name(key)): the source says that it is there, and that it is not")
        case .failure(let error) where ["NoSuchKey", "NoSuchVersion"].contains(error.code): return nil
        case .failure(let error): throw error.fault(source.name(key))
        }
    }
}
