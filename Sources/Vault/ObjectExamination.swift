/// What an object of a vault was found to be, compared with what it should be.
package struct ObjectExamination: Sendable, Equatable {
    /// How much of an object is read to prove it.
    package enum Reading: Sendable, Hashable {
        /// Nothing: what the store says must do.
        case never
        /// All of it where the store keeps no checksum.
        case unlessTold
        /// All of it.
        case always
    }

    package var head: ObjectHead?
    /// How its bytes were proved; `head` for the size alone.
    package var evidence: Evidence?
    package var findings: [ObjectFinding] = []
    /// It was to be read, and must be restored first.
    package var isArchived = false

    package init() {}
}

/// What a store that keeps versions hides below a key.
package struct VersionMark: Sendable, Equatable {
    /// The newest version is a delete marker.
    package var isDeleted = false
    /// Versions below the newest one, without delete markers.
    package var older = 0

    package init() {}
}
