import Ledger
import Platform

/// Follows the entries of a tar through the member table: an index must not send the restore of one entry to the wrong
/// members.
struct EntryPlaces {
    private let members: [ArchiveIndex.Member]
    private var current = 0
    private var last: (row: ArchiveIndex.Row, first: Int)?

    init(_ members: [ArchiveIndex.Member]) { self.members = members }

    /// The headers of `row`, or the closing blocks of the tar, begin at `position`.
    mutating func reach(_ position: Int64, _ row: ArchiveIndex.Row?, _ name: String) throws(Fault) {
        if let (row, first) = last {
            let member = try member(at: position - 1, name)
            let range = members[first].offset..<(member.offset + member.length)
            guard row.range == range else {
                throw Fault(
                    .damaged, "\(name): '\(row.entry.key)' lies in the bytes \(range), the index says \(row.range)")
            }
            last = nil
        }
        guard let row else { return }
        let skip = position - (try member(at: position, name)).tarOffset
        guard row.skip == skip else {
            throw Fault(
                .damaged,
                "\(name): '\(row.entry.key)' begins \(skip) bytes into its member, the index says \(row.skip)")
        }
        last = (row, current)
    }

    private mutating func member(at position: Int64, _ name: String) throws(Fault) -> ArchiveIndex.Member {
        while current < members.count, members[current].tarOffset + members[current].tarLength <= position {
            current += 1
        }
        guard current < members.count else { throw Fault(.damaged, "\(name): is longer than the index says") }
        return members[current]
    }
}
