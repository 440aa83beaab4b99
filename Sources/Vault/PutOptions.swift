/// What a new object gets besides its content; a store that has no such thing ignores it.
package struct PutOptions: Sendable, Equatable {
    /// The storage class in the store's own word; empty for the store's default.
    package var storageClass: String
    /// Tags of the new object; S3 keeps at most 10.
    package var tags: [String: String]

    package init(storageClass: String = "", tags: [String: String] = [:]) {
        self.storageClass = storageClass
        self.tags = tags
    }
}
