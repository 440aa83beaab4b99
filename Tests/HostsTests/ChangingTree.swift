import Hosts
import Ledger
import Platform

/// A local tree with somebody at work in it: hooks run at exact points of a collection.
final class ChangingTree: SourceTree {
    typealias Hook = @Sendable (ByteString) throws(Fault) -> Void

    private let tree: LocalTree
    private let found: Hook
    private let opening: Hook
    private let reading: Hook
    private let step: Int
    let name: String
    var capabilities: TreeCapabilities { tree.capabilities }
    /// How often a file was opened.
    let opens = Counter()

    /// - Parameters:
    ///   - path: the top of the tree.
    ///   - found: called for each entry of the walk, before the next one is looked at.
    ///   - opening: called before a file is opened; what it throws is what the open throws.
    ///   - reading: called before each read.
    ///   - step: the most bytes that a read gives.
    /// - Throws: when there is no such tree.
    init(
        _ path: String, found: @escaping Hook = { (_) throws(Fault) in },
        opening: @escaping Hook = { (_) throws(Fault) in }, reading: @escaping Hook = { (_) throws(Fault) in },
        step: Int = 4_096
    ) throws(Fault) {
        tree = try LocalTree(path)
        name = tree.name
        (self.found, self.opening, self.reading, self.step) = (found, opening, reading, step)
    }

    func inventory() throws(Fault) -> TreeInventory {
        let inner = try tree.inventory()
        let found = found
        return { () throws(Fault) -> TreeEntry? in
            guard let entry = try inner() else { return nil }
            try found(entry.entry.key)
            return entry
        }
    }

    func open(_ entry: TreeEntry) throws(Fault) -> any SourceFile {
        opens.add(1)
        try opening(entry.entry.key)
        return ChangingFile(try tree.open(entry), entry.entry.key, reading, step)
    }

    func look(at key: ByteString) throws(Fault) -> TreeEntry { try tree.look(at: key) }
}

private final class ChangingFile: SourceFile {
    private let file: any SourceFile
    private let key: ByteString
    private let reading: ChangingTree.Hook
    private let step: Int

    init(_ file: any SourceFile, _ key: ByteString, _ reading: @escaping ChangingTree.Hook, _ step: Int) {
        (self.file, self.key, self.reading, self.step) = (file, key, reading, step)
    }

    // Never cloned: a clone would be too quick for anything to happen.
    var localFile: File? { nil }
    func status() throws(Fault) -> SourceStatus { try file.status() }
    func dataRanges(size: Int64) throws(Fault) -> [Range<Int64>] { try file.dataRanges(size: size) }
    func close() { file.close() }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        try reading(key)
        return try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(step)), at: offset)
    }
}
