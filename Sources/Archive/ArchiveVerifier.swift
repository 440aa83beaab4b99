import Codec
import Ledger
package import Platform

/// Proves an archive: against its index where there is one, else by what is in it.
///
/// With the index every member is inflated by a library that did not make it, several at once, and compared with the member
/// table; the tar that they make is read once from front to back and compared with the entry table, entry by entry, with
/// its place and its SHA-256; the upload parts, the whole and the list of digests at the end have their digests proved.
package struct ArchiveVerifier {
    let source: any RangedSource
    let workers: Int

    /// - Parameters:
    ///   - source: the archive.
    ///   - workers: threads that inflate members.
    package init(_ source: any RangedSource, workers: Int = 2) {
        self.source = source
        self.workers = workers
    }

    /// As ``examine(index:)``.
    ///
    /// - Throws: `damaged` with the first finding, and how many more there are; what ``examine(index:)`` throws.
    package func verify(index: (any RangedSource)?) throws(Fault) -> VerifyReport {
        let report = try examine(index: index)
        guard let first = report.findings.first else { return report }
        let more = report.findings.count > 1 ? " (and \(report.findings.count - 1) more findings)" : ""
        throw Fault(.damaged, first.description + more)
    }

    /// Reads the archive once from front to back and proves what can be proved.
    ///
    /// - Parameter index: the index; without one the archive is proved by its structure and the list of digests in it alone.
    /// - Returns: what was looked at, and what is wrong: all members that can't be inflated, and else the first thing.
    /// - Throws: `damaged` for an index that is, or is of another archive; `unsupported` for an index of a later version;
    ///   `interrupted` after a signal; what the sources throw when they can't be read.
    package func examine(index: (any RangedSource)?) throws(Fault) -> VerifyReport {
        if let index { return try examine(against: index) }
        var report = VerifyReport()
        do { try examineAlone(&report) } catch {
            guard error.isFinding else { throw error }
            report.findings.append(.init(error.message))
        }
        return report
    }

    // MARK: With an index

    private func examine(against indexSource: any RangedSource) throws(Fault) -> VerifyReport {
        var report = VerifyReport()
        report.proof = .index
        if let finding = try wrongSize(indexSource) {
            report.findings = [finding]
            return report
        }
        let index = try ArchiveIndexReader(indexSource, of: source).finish()
        report.format = .init(index.header.codec)
        report.provedBy = index.header.madeBy.other
        report.parts = Int64(index.parts.digests.count)
        let digests = Handed(ArchiveDigests(partSize: index.header.partSize))
        let members = try MemberStream(
            source, index.members[...], first: 0, workers: workers, library: report.provedBy
        ) { digests.value.update($0) }
        do throws(Fault) {
            var fault: Fault?
            do throws(Fault) { try compare(members, indexSource, index, &report) } catch {
                guard error.isFinding else { throw error }
                fault = error
            }
            var damaged = members.damage.map { [$0] } ?? []
            // The tar can't be followed any further, but each member tells of itself.
            try members.drain { if damaged.count < VerifyReport.mostFindings { damaged.append($0) } }
            try report.findings.append(contentsOf: findings(damaged, indexSource))
            if let fault, members.damage == nil { report.findings.append(.init(fault.message)) }
        } catch {
            try? members.finish()
            throw error
        }
        digests.value.finish()
        report.sha256 = digests.value.whole
        for (number, (found, expected)) in zip(digests.value.parts, index.parts.digests).enumerated()
        where found != expected && report.findings.count < VerifyReport.mostFindings {
            let start = Int64(number) * index.parts.partSize
            let end = min(start + index.parts.partSize, source.size)
            var finding = VerifyReport.Finding(
                "\(source.name): part \(number + 1) (bytes \(start)-\(end)) has SHA-256 \(found), the index says \(expected)"
            )
            (finding.offset, finding.length) = (start, end - start)
            report.findings.append(finding)
        }
        if report.findings.isEmpty, report.sha256 != index.header.sha256 {
            report.findings.append(
                .init("\(source.name): has SHA-256 \(report.sha256), the index says \(index.header.sha256)"))
        }
        return report
    }

    /// What is wrong with the size of the archive, if it is not that of the index: which entries an archive that is cut off
    /// has lost, or where the bytes begin that are no part of it.
    func wrongSize(_ indexSource: any RangedSource) throws(Fault) -> VerifyReport.Finding? {
        let rows = try ArchiveIndexReader(indexSource)
        let expected = rows.index.header.size
        if source.size == expected { return nil }
        guard source.size < expected else {
            var finding = VerifyReport.Finding(
                "\(source.name): has \(source.size) bytes, the index says \(expected): those from \(expected) on are no part of it"
            )
            (finding.offset, finding.length) = (expected, source.size - expected)
            return finding
        }
        var finding = VerifyReport.Finding(
            "\(source.name): has \(source.size) bytes, the index says \(expected): it is cut off, or of another index")
        (finding.offset, finding.length) = (source.size, expected - source.size)
        while let row = try rows.next() {
            try Shutdown.check()
            if row.range.upperBound > source.size { finding.add(row.entry.key) }
        }
        return finding
    }

    /// Follows the tar through both tables of the index.
    private func compare(
        _ members: MemberStream, _ indexSource: any RangedSource, _ index: ArchiveIndex, _ report: inout VerifyReport
    ) throws(Fault) {
        let rows = try ArchiveIndexReader(indexSource, of: source)
        let tar = try TarReader(members)
        var places = EntryPlaces(index.members)
        var list = DigestListCheck(source.name)
        while let found = try tar.next() {
            try Shutdown.check()
            let row = try rows.next()
            try compare(found, row)
            try places.reach(tar.headerPosition, row, source.name)
            let digest = try read(found, tar, &list, &report)
            if let row, let digest, row.sha256 != digest { throw digestFault(found, digest, row) }
        }
        report.members = Int64(index.members.count)
        try places.reach(tar.headerPosition, nil, source.name)
        if let row = try rows.next() {
            throw Fault(.damaged, "\(source.name): ends before '\(row.entry.key)', which the index has")
        }
        guard report.entries == index.header.entries else {
            throw Fault(
                .damaged, "\(source.name): has \(report.entries) entries, the index says \(index.header.entries)")
        }
        try list.finish()
    }

    func digestFault(_ found: Entry, _ digest: Digest256, _ row: ArchiveIndex.Row) -> Fault {
        Fault(
            .damaged,
            "\(source.name): '\(found.key)' has SHA-256 \(digest), the index says \(row.sha256?.description ?? "nothing")"
        )
    }

    func compare(_ found: Entry, _ row: ArchiveIndex.Row?) throws(Fault) {
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

    /// Says which entries lie in the members that are damaged.
    private func findings(_ damaged: [MemberStream.Damage], _ indexSource: any RangedSource) throws(Fault)
        -> [VerifyReport.Finding]
    {
        if damaged.isEmpty { return [] }
        var findings = damaged.map { damage in
            var finding = VerifyReport.Finding(damage.fault.message)
            finding.member = damage.number
            (finding.offset, finding.length) = (damage.place.offset, damage.place.length)
            return finding
        }
        let rows = try ArchiveIndexReader(indexSource, of: source)
        // Both come in the order of the archive; an entry may lie in several members.
        var first = 0
        while let row = try rows.next(), first < findings.count {
            try Shutdown.check()
            for number in first..<findings.count {
                let place = damaged[number].place
                if place.offset >= row.range.upperBound { break }
                if place.offset + place.length > row.range.lowerBound { findings[number].add(row.entry.key) }
            }
            while first < findings.count,
                damaged[first].place.offset + damaged[first].place.length <= row.range.lowerBound
            {
                first += 1
            }
        }
        return findings
    }

    /// Reads the content of a file, and computes its digest.
    func read(
        _ found: Entry, _ tar: TarReader, _ list: inout DigestListCheck, _ report: inout VerifyReport
    ) throws(Fault) -> Digest256? {
        report.entries += 1
        list.begin(found)
        guard found.kind == .file else { return nil }
        var content = ContentHasher()
        try tar.readContent { (piece: UnsafeRawBufferPointer, offset: Int64) throws(Fault) in
            try content.add(piece, at: offset, found.key)
            try list.add(piece)
        }
        try content.end(at: found.size, found.key)
        let digest = content.finish()
        list.end(found, digest)
        report.files += 1
        report.contentBytes += found.size
        return digest
    }
}

extension Fault {
    /// Whether it is something that is wrong with the archive; anything else is in the way of looking at it.
    var isFinding: Bool { code == .damaged }
}
