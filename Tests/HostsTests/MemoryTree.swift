import Hosts
import Ledger
import Platform

/// A tree that is computed, not stored: file `n` holds a few bytes made from its number.
final class MemoryTree: SourceTree {
    let name = "memory"
    let capabilities: TreeCapabilities = [.wholeSeconds]
    private let count: Int
    private let make: @Sendable (Int) -> TreeEntry
    /// Entries given by the walk and files opened so far, and the greatest distance between the two.
    let lead = Monitor((given: 0, opened: 0, greatest: 0))
    let announced = Counter()

    init(count: Int, make: @escaping @Sendable (Int) -> TreeEntry = MemoryTree.file) {
        self.count = count
        self.make = make
    }

    @Sendable static func file(_ number: Int) -> TreeEntry {
        let digits = String(number)
        let name = "d\(1_000 + number / 1_000)/f" + String(repeating: "0", count: 7 - digits.count) + digits
        return TreeEntry(
            Entry(
                key: ByteString(name), kind: .file, size: Int64(number % 8),
                modified: Timestamp(seconds: Int64(number)), mode: 0o640, uid: 1, gid: 2))
    }

    func inventory() throws(Fault) -> TreeInventory {
        var number = 0
        return { () throws(Fault) -> TreeEntry? in
            guard number < self.count else { return nil }
            number += 1
            self.lead.with { lead in
                lead.given += 1
                lead.greatest = max(lead.greatest, lead.given - lead.opened)
            }
            return self.make(number - 1)
        }
    }

    func announce(_ entry: TreeEntry) { announced.add(1) }

    func open(_ entry: TreeEntry) throws(Fault) -> any SourceFile {
        lead.with { $0.opened += 1 }
        return MemoryFile(entry.entry)
    }

    func look(at key: ByteString) throws(Fault) -> TreeEntry {
        throw Fault(.notFound, "\(key): is computed, not looked up")
    }
}

private final class MemoryFile: SourceFile {
    private let entry: Entry
    init(_ entry: Entry) { self.entry = entry }

    var localFile: File? { nil }
    func close() {}
    func dataRanges(size: Int64) throws(Fault) -> [Range<Int64>] { [0..<size] }

    func status() throws(Fault) -> SourceStatus {
        SourceStatus(
            kind: .file, size: entry.size, modified: entry.modified, mode: entry.mode, uid: entry.uid, gid: entry.gid)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        let count = Int(min(Int64(buffer.count), entry.size - offset))
        for index in 0..<count { buffer[index] = UInt8(truncatingIfNeeded: Int(offset) + index) }
        return count
    }
}
