/// What a new object gets besides its content; a store that has no such thing ignores it.
package struct PutOptions: Sendable {
    /// What an object is to its vault, which may keep sorts of different temperature in different classes.
    package enum Role: Sendable, Hashable {
        /// Large, and hardly ever read.
        case archive
        /// Small, and read before anything else: an index, digests, a manifest.
        case sidecar
    }

    package var role: Role
    /// Tags of the new object; S3 keeps at most 10.
    package var tags: [String: String]
    /// The media type.
    package var contentType: String?
    /// Where an upload in parts notes what has arrived, so that another process can go on with it.
    package var journal: (any PartsJournal)?

    /// What the caller knows of the key.
    package enum Presence: Sendable, Hashable {
        case unknown
        /// It was just asked for, and nothing is there; it is not asked for again.
        case free
        /// What comes after it is there already, so that it is most likely taken; it is asked for before anything is sent.
        case likelyTaken
    }
    package var presence = Presence.unknown
    /// Whether a store that has compared the bytes itself need not be asked for a sidecar once more: the object beside which
    /// it lies is.
    package var isProvedByAnswer = false

    package init(
        _ role: Role = .archive, tags: [String: String] = [:], contentType: String? = nil,
        journal: (any PartsJournal)? = nil
    ) {
        self.role = role
        self.tags = tags
        self.contentType = contentType
        self.journal = journal
    }
}
