package import Platform

/// A vault whose objects can be marked for deletion, and taken back until they are gone.
///
/// A mark deletes nothing: a bucket's lifecycle acts on it, or ``remove(_:retiredBefore:)`` where there is none. All calls
/// can be repeated, so that whoever was killed between two of them goes on.
package protocol RetiringStore: ObjectStore {
    /// Whether the store deletes what is marked by rules of its own.
    var removesByItself: Bool { get }

    /// The time by the store's clock: a local one that is wrong must not make objects old.
    func moment() throws(Fault) -> Timestamp

    /// The rules by which the store deletes, or nothing for a store that has none.
    ///
    /// - Throws: the fault of the store; who may not read the rules can't know what a mark would do.
    func deletionRules() throws(Fault) -> DeletionRules?

    /// What the store says of an object and of its locks, or nothing when there is none.
    func standing(_ key: ObjectKey) throws(Fault) -> ObjectStanding?

    /// The mark of an object, or nothing when it has none or is not there.
    func retirement(_ key: ObjectKey) throws(Fault) -> Retirement?

    /// Marks an object; one that is marked keeps its first date.
    ///
    /// - Returns: false when there is no such object.
    func retire(_ key: ObjectKey, _ mark: Retirement) throws(Fault) -> Bool

    /// Takes the mark off, and brings back what only a delete marker hides.
    func takeBack(_ key: ObjectKey) throws(Fault) -> TakenBack

    /// Removes an object whose mark is older, and its mark; one without a mark stays.
    ///
    /// - Returns: whether the object is gone now.
    /// - Throws: `unsupported` where the store deletes by its own rules.
    func remove(_ key: ObjectKey, retiredBefore moment: Timestamp) throws(Fault) -> Bool

    /// Whether objects can be held so that the store itself refuses to delete them.
    func canHold() throws(Fault) -> Bool

    /// Sets or ends the legal hold of the store on an object.
    ///
    /// - Returns: false when there is no such object.
    func setHold(_ isOn: Bool, _ key: ObjectKey) throws(Fault) -> Bool
}

/// That an object is marked for deletion.
package struct Retirement: Sendable, Hashable {
    package var at: Timestamp
    /// The run that it is of.
    package var run: String

    package init(at: Timestamp, run: String) {
        self.at = at
        self.run = run
    }
}

/// What a store says of an object that may have to go.
package struct ObjectStanding: Sendable, Equatable {
    package var head: ObjectHead
    /// Until when Object Lock keeps it.
    package var lockedUntil: Timestamp?
    /// It has a legal hold of the store.
    package var isHeld: Bool

    package init(_ head: ObjectHead, lockedUntil: Timestamp? = nil, isHeld: Bool = false) {
        self.head = head
        self.lockedUntil = lockedUntil
        self.isHeld = isHeld
    }
}

/// What taking an object back came to.
package enum TakenBack: String, Sendable {
    /// It had no mark.
    case wasLive = "was-live"
    /// Its mark is off.
    case unmarked
    /// A delete marker hid it.
    case uncovered
    /// There is nothing left.
    case gone
}

/// The rules by which a store deletes.
package struct DeletionRules: Sendable, Equatable {
    /// Those that would delete what is not marked, each as it stands in the store.
    package var refused: [BucketSetup.RefusedRule]
    /// Whether there is one that deletes what is marked.
    package var deletesRetired: Bool

    package init(refused: [BucketSetup.RefusedRule], deletesRetired: Bool) {
        self.refused = refused
        self.deletesRetired = deletesRetired
    }

    /// - Throws: `unsupported`, with the rules, when one of them is refused.
    package func check(_ place: String) throws(Fault) {
        guard !refused.isEmpty else { return }
        throw Fault(
            .unsupported,
            "\(place): the lifecycle has \(refused.count == 1 ? "a rule" : "\(refused.count) rules") that would delete objects that are not retired:\n"
                + refused.map(\.document).joined(separator: "\n"),
            hint: "Remove it, disable it, or give it another prefix. Nothing was changed.")
    }
}
