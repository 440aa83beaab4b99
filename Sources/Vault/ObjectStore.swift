package import Platform

/// Where archives end: objects under keys, written once and never changed.
///
/// Nothing here removes or replaces one. The calls block and may take hours: they belong on threads of our own. Any number of threads may call one store.
package protocol ObjectStore: Sendable {
    /// The vault's URL, for messages and records.
    var description: String { get }

    /// What the store says of an object, or nothing when there is none under the key.
    ///
    /// - Throws: the fault of the store; only a clear "not there" gives nothing.
    func head(_ key: ObjectKey) throws(Fault) -> ObjectHead?

    /// Writes a new object and proves the store's copy.
    ///
    /// Nothing is under the key until all of it is there. A copy that can't be proved is removed where the store is ours
    /// to remove from; in a bucket it stays, and nobody records it.
    ///
    /// - Parameters:
    ///   - source: read once, from front to back or part by part.
    ///   - expected: what the source must hold; a part that differs ends the call as soon as it is read.
    ///   - key: a free key.
    ///   - options: what the object gets besides its content.
    /// - Returns: what was written and how the copy was proved.
    /// - Throws: `exists` for a key that is taken; `tryLater` when the store can tell that somebody else is writing it;
    ///   `damaged`, naming the source, the part number (from 1) and both digests, when the source is not what is
    ///   expected, or naming the copy when it doesn't hold what was written; `changed` for a source that ends early;
    ///   `noSpace`, `io` and others from source and store; `interrupted` after a signal.
    func put(
        _ source: any RangedSource, expecting expected: ExpectedContent, to key: ObjectKey, _ options: PutOptions
    ) throws(Fault) -> PutReceipt

    /// Proves that an object holds what is expected, as well as the store can.
    ///
    /// - Throws: `notFound` when there is none; `damaged` when its size or digest differs; `interrupted` after a signal.
    func verify(_ key: ObjectKey, expecting expected: ExpectedContent) throws(Fault) -> Evidence

    /// Removes what killed writers left in the directory `prefix`, whose objects have names that nobody takes twice; a
    /// living writer's stays.
    ///
    /// A store that shows an object whole or not at all has nothing to remove.
    func removeRemains(below prefix: String) throws(Fault)

    /// Takes an object that is there already for the one that was to be written: proves what it holds, and that it has
    /// what a new one would get.
    ///
    /// - Throws: as ``verify(_:expecting:)``; `unsupported` when it is in another storage class.
    func adopt(_ key: ObjectKey, expecting expected: ExpectedContent, _ options: PutOptions) throws(Fault) -> Evidence

    /// Opens an object for reading in ranges.
    ///
    /// - Throws: `notFound` when there is none; `tryLater` when it must be thawed first.
    func open(_ key: ObjectKey) throws(Fault) -> any RangedSource

    /// Asks for a copy of an archived object that can be read for some days.
    ///
    /// - Returns: how far that is; asking again is no error.
    /// - Throws: `notFound` when there is no object; `usage` for a tier that its class does not have; the fault of the store.
    func thaw(_ key: ObjectKey, _ request: ThawRequest) throws(Fault) -> ThawAnswer

    /// Calls `each` with every object whose key begins with `prefix`, in the order of the keys' bytes, one by one.
    ///
    /// - Parameters:
    ///   - prefix: a beginning of keys, by characters and not by components: `a/b` finds `a/b`, `a/bc` and `a/b/c`;
    ///     empty for all.
    ///   - each: may throw to end the listing.
    /// - Throws: what `each` throws; `unsupported` for a prefix that no key can have; the fault of the store. A listing
    ///   that returns was complete.
    func list(prefix: String, _ each: (ObjectKey, ObjectHead) throws -> Void) throws(Fault)

    /// Compares an object with what it should be; what is wrong with it is found, not thrown.
    ///
    /// - Parameters:
    ///   - key: of the object.
    ///   - expected: what it must hold; nothing where nobody knows.
    ///   - options: what it must have besides, as far as the store can tell.
    ///   - reading: how much of it is read.
    /// - Returns: what was found.
    /// - Throws: what would keep any other object from being examined, too: `unreachable`, `interrupted`.
    func examine(
        _ key: ObjectKey, expecting expected: ExpectedContent?, _ options: PutOptions,
        _ reading: ObjectExamination.Reading
    ) throws(Fault) -> ObjectExamination

    /// What a store that keeps versions hides below the keys with a prefix; only those that have something hidden.
    func versionMarks(prefix: String) throws(Fault) -> [ObjectKey: VersionMark]
}

extension ObjectStore {
    package func removeRemains(below prefix: String) throws(Fault) {}
}
