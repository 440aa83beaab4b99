import Codec
import Ledger
package import Platform

extension ArchiveVerifier {
    /// Looks at the structure of an archive, and proves a sample of its members.
    ///
    /// The whole index is read and compared with itself, the header and trailer of each member with the index. Of the
    /// sample, CRC and length are proved, and the metadata and SHA-256 of each entry that lies in one member. The members
    /// of the last entry, the list of digests, and the end of the tar always belong to it.
    ///
    /// - Parameters:
    ///   - indexSource: the index.
    ///   - seed: decides which members belong to the sample.
    /// - Returns: what was looked at, and what is wrong.
    /// - Throws: as ``examine(index:)``.
    package func sample(index indexSource: any RangedSource, seed: UInt64) throws(Fault) -> VerifyReport {
        if let finding = try wrongSize(indexSource) {
            var report = VerifyReport()
            report.proof = .index
            report.sample = .init(seed: seed)
            report.findings = [finding]
            return report
        }
        let reader = try ArchiveIndexReader(indexSource, of: source)
        let members = reader.index.members
        var chosen = Self.sample(of: members.count, seed: seed)
        let (rows, last) = try rows(reader, members, chosen)
        // From the last entry on: a long list of digests has several members, and the end of the tar one of its own.
        let tail = last.map { $0.member..<members.count } ?? 0..<0
        let hasLongTail = tail.count > 1
        if hasLongTail { chosen.removeAll { $0 > tail.lowerBound } }
        let index = reader.index
        var report = VerifyReport()
        report.proof = .index
        report.format = .init(index.header.codec)
        report.provedBy = index.header.madeBy.other
        report.members = Int64(members.count)
        report.entries = index.header.entries
        report.sample = .init(
            seed: seed, members: Int64(hasLongTail ? Set(chosen).union(tail).count : chosen.count))
        let ends = MemberEnds(source, index.header.codec)
        for (number, member) in members.enumerated() {
            try Shutdown.check()
            guard let what = try ends.complaint(of: member) else { continue }
            let end = member.offset + member.length
            report.add("\(source.name): member \(number) (bytes \(member.offset)-\(end)): \(what)", number, member)
        }
        for number in chosen {
            try Shutdown.check()
            let member = members[number]
            let stream = try MemberStream(
                source, members[number...number], first: number, workers: 1, library: report.provedBy)
            do throws(Fault) {
                try prove(stream, member, rows[number] ?? [], &report)
                try stream.finish()
            } catch {
                try? stream.finish()
                guard error.isFinding else { throw error }
                report.add(error.message, number, member)
            }
        }
        if hasLongTail, let last { try prove(last.row, members, tail, &report) }
        return report
    }

    /// Which members are proved: one of 64, 8 to 64 of them, in order.
    static func sample(of count: Int, seed: UInt64) -> [Int] {
        let wanted = min(count, max(8, min(64, count / 64)))
        guard wanted < count else { return Array(0..<count) }
        var random = SampleNumbers(state: seed)
        var chosen: Set = [count - 1]
        while chosen.count < wanted { chosen.insert(Int.random(in: 0..<count, using: &random)) }
        return chosen.sorted()
    }

    /// Bytes of a file whose digest is proved in a sample, at the most.
    private static let largestSampled: Int64 = 1 << 30

    /// Reads all rows, and keeps those of entries that lie in one member of the sample, and the last one with the number of
    /// its first member.
    private func rows(
        _ reader: ArchiveIndexReader, _ members: [ArchiveIndex.Member], _ chosen: [Int]
    ) throws(Fault) -> (kept: [Int: [ArchiveIndex.Row]], last: (row: ArchiveIndex.Row, member: Int)?) {
        let chosen = Set(chosen)
        var kept: [Int: [ArchiveIndex.Row]] = [:]
        var first = 0
        var entries: Int64 = 0
        var final: (row: ArchiveIndex.Row, member: Int)?
        while let row = try reader.next() {
            try Shutdown.check()
            entries += 1
            while first < members.count, members[first].offset < row.range.lowerBound { first += 1 }
            var last = first
            while last < members.count, members[last].offset + members[last].length < row.range.upperBound { last += 1 }
            guard last < members.count, members[first].offset == row.range.lowerBound,
                members[last].offset + members[last].length == row.range.upperBound,
                row.skip < max(1, members[first].tarLength)
            else {
                throw Fault(
                    .damaged,
                    "\(source.name): the index has '\(row.entry.key)' in the bytes \(row.range), which are no members")
            }
            if first == last && chosen.contains(first) { kept[first, default: []].append(row) }
            final = (row, first)
        }
        guard entries == reader.index.header.entries else {
            throw Fault(
                .damaged, "\(source.name): the index has \(entries) entries, and says \(reader.index.header.entries)")
        }
        return (kept, final)
    }

    /// Proves one member, and the entries that lie in it.
    private func prove(
        _ stream: MemberStream, _ member: ArchiveIndex.Member, _ rows: [ArchiveIndex.Row], _ report: inout VerifyReport
    ) throws(Fault) {
        // A piece of a large file is no tar of its own: its CRC is all there is.
        guard !rows.isEmpty else { return try stream.pass() }
        let tar = try TarReader(stream)
        for row in rows {
            guard let found = try tar.next() else {
                throw Fault(.damaged, "\(source.name): '\(row.entry.key)' is not in the member where the index has it")
            }
            try compare(found, row)
            guard row.skip == tar.headerPosition else {
                throw Fault(
                    .damaged,
                    "\(source.name): '\(found.key)' begins \(tar.headerPosition) bytes into its member, the index says \(row.skip)"
                )
            }
            try proveContent(of: found, tar, row, &report)
        }
    }

    /// Proves the last entry, whose members go from the first of `tail` on, and that the tar ends behind it.
    private func prove(
        _ row: ArchiveIndex.Row, _ members: [ArchiveIndex.Member], _ tail: Range<Int>, _ report: inout VerifyReport
    ) throws(Fault) {
        let stream = try MemberStream(
            source, members[tail], first: tail.lowerBound, workers: workers, library: report.provedBy)
        do throws(Fault) {
            let tar = try TarReader(stream)
            var next = try tar.next()
            while next != nil, tar.headerPosition < row.skip { next = try tar.next() }
            guard let found = next, tar.headerPosition == row.skip else {
                throw Fault(.damaged, "\(source.name): '\(row.entry.key)' is not in the member where the index has it")
            }
            try compare(found, row)
            try proveContent(of: found, tar, row, &report)
            if let more = try tar.next() { try compare(more, nil) }
            try stream.finish()
        } catch {
            let damaged = stream.damage?.number ?? tail.lowerBound
            try? stream.finish()
            guard error.isFinding else { throw error }
            report.add(error.message, damaged, members[damaged])
        }
    }

    private func proveContent(
        of found: Entry, _ tar: TarReader, _ row: ArchiveIndex.Row, _ report: inout VerifyReport
    ) throws(Fault) {
        // What is that large and lies in one member is holes, whose zeros would take longer than all else.
        guard found.kind == .file, found.size <= Self.largestSampled else { return }
        var content = ContentHasher()
        try tar.readContent { (piece: UnsafeRawBufferPointer, offset: Int64) throws(Fault) in
            try content.add(piece, at: offset, found.key)
        }
        try content.end(at: found.size, found.key)
        let digest = content.finish()
        guard digest == row.sha256 else { throw digestFault(found, digest, row) }
        report.files += 1
        report.contentBytes += found.size
    }
}

extension VerifyReport {
    fileprivate mutating func add(_ message: String, _ number: Int, _ member: ArchiveIndex.Member) {
        // The same member may be told of by its ends and by its content.
        guard findings.count < Self.mostFindings, !findings.contains(where: { $0.member == number }) else { return }
        var finding = Finding(message)
        finding.member = number
        (finding.offset, finding.length) = (member.offset, member.length)
        findings.append(finding)
    }
}

/// The random numbers of a sample: SplitMix64 (Steele, Lea, Flood 2014), the same for the same seed everywhere.
private struct SampleNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
