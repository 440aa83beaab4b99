package import Codec
import Ledger
package import Platform

/// Proves an archive against its index: every gzip member inflated by zlib (which did not make it) with CRC and length,
/// the member table, the tar's structure, every entry's place and every file's SHA-256, the part table, the digest of the
/// whole, and the list of digests at the end.
package struct ArchiveVerifier {
    /// What was looked at.
    package struct Report: Sendable, Equatable {
        package var entries: Int64 = 0
        package var files: Int64 = 0
        package var contentBytes: Int64 = 0
        package var members: Int64 = 0
        package var sha256 = Digest256.zero
        /// Whether an index was there to compare with.
        package var hasIndex = false
    }

    private let source: any RangedSource
    private let codec: MemberCodec

    /// - Parameters:
    ///   - source: the archive.
    ///   - codec: what its members are compressed with, where no index tells.
    package init(_ source: any RangedSource, codec: MemberCodec = .gzip) {
        self.source = source
        self.codec = codec
    }

    /// Reads the archive once from front to back and proves what can be proved.
    ///
    /// - Parameter indexSource: the index; without one the archive is proved by its structure and the list of digests in
    ///   it alone.
    /// - Returns: what was looked at.
    /// - Throws: `damaged`, saying what is wrong and where; `unsupported` for an index of a later version; `interrupted`
    ///   after a signal; what the sources throw when they can't be read.
    package func verify(index indexSource: (any RangedSource)?) throws(Fault) -> Report {
        let digesting = DigestingSource(source)
        var index: ArchiveIndex?
        var rows: ArchiveIndexReader?
        if let indexSource {
            let whole = try ArchiveIndexReader(indexSource, of: source).finish()
            digesting.partSize = whole.header.partSize
            index = whole
            rows = try ArchiveIndexReader(indexSource, of: source)
        }
        var report = Report()
        report.hasIndex = index != nil
        let codec = index?.header.codec ?? codec
        let reader = codec.reader(digesting)
        let expectedMembers = index?.members
        if let expectedMembers, !codec.marksMembers { try checkPlain(expectedMembers, &report) }
        reader.onMemberEnd = { [unowned reader] (offset: Int64) throws(Fault) in
            if let expectedMembers {
                let number = Int(report.members)
                guard number < expectedMembers.count,
                    expectedMembers[number].offset + expectedMembers[number].length == offset,
                    expectedMembers[number].tarLength == reader.memberSize
                else {
                    throw Fault(
                        .damaged,
                        "\(digesting.name): \(codec.rawValue) member \(number) ends at \(offset), not where the index has it"
                    )
                }
            }
            report.members += 1
        }
        let tar = try TarReader(reader)
        var places = EntryPlaces(index?.members ?? [])
        var list = DigestListCheck(source.name)
        while let found = try tar.next() {
            try Shutdown.check()
            let row = try rows?.next()
            if rows != nil {
                try compare(found, row)
                try places.reach(tar.headerPosition, row, source.name)
            }
            report.entries += 1
            list.begin(found)
            guard found.kind == .file else { continue }
            var content = ContentHasher()
            try tar.readContent { (piece: UnsafeRawBufferPointer, offset: Int64) throws(Fault) in
                try content.add(piece, at: offset, found.key)
                try list.add(piece)
            }
            try content.end(at: found.size, found.key)
            let digest = content.finish()
            list.end(found, digest)
            if let row, row.sha256 != digest {
                throw Fault(
                    .damaged,
                    "\(source.name): '\(found.key)' has SHA-256 \(digest), the index says \(row.sha256?.description ?? "nothing")"
                )
            }
            report.files += 1
            report.contentBytes += found.size
        }
        try digesting.finish()
        report.sha256 = digesting.digest
        try list.finish()
        if let index {
            try places.reach(tar.headerPosition, nil, source.name)
            guard try rows?.next() == nil, report.members == Int64(index.members.count),
                report.entries == index.header.entries
            else {
                throw Fault(.damaged, "\(source.name): ends before the index does")
            }
            for (number, (one, two)) in zip(digesting.parts, index.parts.digests).enumerated() where one != two {
                throw Fault(.damaged, "\(source.name): part \(number + 1) has SHA-256 \(one), the index says \(two)")
            }
            guard digesting.digest == index.header.sha256 else {
                throw Fault(
                    .damaged, "\(source.name): has SHA-256 \(digesting.digest), the index says \(index.header.sha256)")
            }
        }
        return report
    }

    /// Where only the index knows the members, each must lie in the archive where it lies in the tar.
    private func checkPlain(_ members: [ArchiveIndex.Member], _ report: inout Report) throws(Fault) {
        for (number, member) in members.enumerated()
        where member.offset != member.tarOffset || member.length != member.tarLength {
            throw Fault(
                .damaged, "\(source.name): member \(number) lies at \(member.offset), in the tar at \(member.tarOffset)"
            )
        }
        report.members = Int64(members.count)
    }

    private func compare(_ found: Entry, _ row: ArchiveIndex.Row?) throws(Fault) {
        guard let row else { throw Fault(.damaged, "\(source.name): '\(found.key)' is not in the index") }
        guard found.key == row.entry.key, found.kind == row.entry.kind else {
            throw Fault(.damaged, "\(source.name): has '\(found.key)' where the index has '\(row.entry.key)'")
        }
        let same =
            found.mode == row.entry.mode && found.modified == row.entry.modified && found.link == row.entry.link
            && found.uid == row.entry.uid && found.gid == row.entry.gid
            && (found.kind != .file || found.size == row.entry.size)
        guard same else {
            throw Fault(
                .damaged,
                "\(source.name): '\(found.key)' has another size, mode, owner, time or link than in the index")
        }
    }
}

/// Follows the entries of a tar through the member table: an index must not send the restore of one entry to the wrong
/// members.
private struct EntryPlaces {
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

/// A source that is read from front to back once, and digests what passes.
private final class DigestingSource: RangedSource {
    private struct State {
        var whole = SHA256Hasher()
        var part = SHA256Hasher()
        var fill: Int64 = 0
        var parts: [Digest256] = []
        var digest = Digest256.zero
        var partSize = Int64.max

        mutating func endPart() {
            parts.append(part.finish())
            part = SHA256Hasher()
            fill = 0
        }
    }
    private let source: any RangedSource
    private let state = Monitor(State())

    init(_ source: any RangedSource) { self.source = source }

    var name: String { source.name }
    var size: Int64 { source.size }
    var partSize: Int64 {
        get { state.with { $0.partSize } }
        set { state.with { $0.partSize = newValue } }
    }
    var parts: [Digest256] { state.with { $0.parts } }
    var digest: Digest256 { state.with { $0.digest } }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        let count = try source.read(into: buffer, at: offset)
        state.with { state in
            var rest = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            state.whole.update(rest)
            while !rest.isEmpty {
                let piece = Int(min(Int64(rest.count), state.partSize - state.fill))
                state.part.update(UnsafeRawBufferPointer(rebasing: rest[..<piece]))
                state.fill += Int64(piece)
                rest = UnsafeRawBufferPointer(rebasing: rest[piece...])
                if state.fill == state.partSize { state.endPart() }
            }
        }
        return count
    }

    /// Completes the digests.
    func finish() throws(Fault) {
        state.with { state in
            if state.fill > 0 { state.endPart() }
            state.digest = state.whole.finish()
        }
    }
}
