/// How ship copies a database's objects from bucket to bucket.
package enum CopyRoute: String, Codable, Sendable {
    /// A request for each object.
    case direct
    /// A job of S3 Batch Operations.
    case batch
}
