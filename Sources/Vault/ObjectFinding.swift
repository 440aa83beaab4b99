/// What is wrong with an object of a vault.
package struct ObjectFinding: Codable, Sendable, Equatable {
    package enum Kind: String, Codable, Sendable, CaseIterable {
        /// Something names it, and it is not there.
        case missing
        /// It is there, and nothing names it.
        case extra
        /// Its size or its digest is another one.
        case altered
        case wrongClass = "wrong-class"
        /// Object Lock does not hold it as long as the settings say.
        case unlocked
        /// A delete marker hides it, or a tag lets the lifecycle delete it.
        case deleted = "marked-for-deletion"
        case wrongTags = "wrong-tags"
        /// It has older versions: it was written more than once.
        case rewritten
        /// It could not be examined.
        case unreadable
    }

    package var kind: Kind
    package var key: String
    /// In words, without the key.
    package var what: String

    package init(_ kind: Kind, _ key: ObjectKey, _ what: String) {
        self.kind = kind
        self.key = key.description
        self.what = what
    }
}
