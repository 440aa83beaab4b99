package import Platform

/// An upload in parts that somebody began below a vault's prefix, and nobody has ended.
package struct OpenUpload: Sendable, Equatable {
    /// Below the vault's prefix; not always a key of ours.
    package var key: ByteString
    package var id: String
    package var initiated: Timestamp?
    /// Who began it, as the store calls them.
    package var initiator: String?

    package init(key: ByteString, id: String, initiated: Timestamp?, initiator: String?) {
        self.key = key
        self.id = id
        self.initiated = initiated
        self.initiator = initiator
    }
}
