import Codec
import Platform
import TestSupport
import Vault

/// A vault in a directory with the clock of a test, from which objects can be lost and come back.
final class TimedStore: RetiringStore {
    private let store: FileStore
    private let path: String
    private let clock: Clock

    init(_ path: String, clock: Clock) throws {
        store = FileStore(try Directory.create(path))
        self.path = path
        self.clock = clock
    }

    var description: String { store.description }
    var removesByItself: Bool { store.removesByItself }

    func moment() throws(Fault) -> Timestamp { clock.now() }
    func head(_ key: ObjectKey) throws(Fault) -> ObjectHead? { try store.head(key) }
    func put(
        _ source: any RangedSource, expecting expected: ExpectedContent, to key: ObjectKey, _ options: PutOptions
    ) throws(Fault) -> PutReceipt { try store.put(source, expecting: expected, to: key, options) }
    func verify(_ key: ObjectKey, expecting expected: ExpectedContent) throws(Fault) -> Evidence {
        try store.verify(key, expecting: expected)
    }
    func open(_ key: ObjectKey) throws(Fault) -> any RangedSource { try store.open(key) }
    func list(prefix: String, _ each: (ObjectKey, ObjectHead) throws -> Void) throws(Fault) {
        try store.list(prefix: prefix, each)
    }
    func deletionRules() throws(Fault) -> DeletionRules? { nil }
    func standing(_ key: ObjectKey) throws(Fault) -> ObjectStanding? { try store.standing(key) }
    func retirement(_ key: ObjectKey) throws(Fault) -> Retirement? { try store.retirement(key) }
    func retire(_ key: ObjectKey, _ mark: Retirement) throws(Fault) -> Bool { try store.retire(key, mark) }
    func takeBack(_ key: ObjectKey) throws(Fault) -> TakenBack { try store.takeBack(key) }
    func remove(_ key: ObjectKey, retiredBefore moment: Timestamp) throws(Fault) -> Bool {
        try store.remove(key, retiredBefore: moment)
    }
    func canHold() throws(Fault) -> Bool { false }
    func setHold(_ isOn: Bool, _ key: ObjectKey) throws(Fault) -> Bool { try store.setHold(isOn, key) }

    private func place(_ key: String) throws(Fault) -> (Directory, ByteString) {
        let names = ByteString(key).components
        return (try Directory.open(path).descend(Array(names.dropLast())), names[names.count - 1])
    }

    /// Hides an object, as a disk that has lost it does.
    func lose(_ key: String) throws {
        let (directory, name) = try place(key)
        try directory.rename(name, to: ".lost." + name)
    }

    /// Gives back what was lost.
    func regain(_ key: String) throws {
        let (directory, name) = try place(key)
        if try directory.exists(name) { return try directory.remove(".lost." + name) }
        try directory.rename(".lost." + name, to: name)
    }
}
