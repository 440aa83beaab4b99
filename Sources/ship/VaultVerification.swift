import Archive
import Codec
import Ledger
import Platform
import Vault

/// Compares what the manifests in a vault name with what is in the vault.
///
/// The listing, the names and the records are sorted outside of memory and come back group by group, so that a vault of
/// millions of objects costs no more than a small one.
struct VaultVerification: Sendable {
    let store: any ObjectStore
    let layout: VaultLayout
    /// What staging tells; nothing without staging, as on a new server.
    let account: ShippingAccount?
    /// A local directory for files without names.
    let scratch: Directory
    /// The part of the archives that is read, from 0 to 1.
    let share: Double

    /// Groups examined at once: nearly all of it is waiting for answers.
    private static let atOnce = 8

    /// A group with what is to be done with it.
    private struct Work: Sendable {
        var group: ObjectGroup
        /// The archives that are read.
        var sampled: Set<ObjectKey> = []
    }

    /// What all groups are looked at by.
    private struct Look: Sendable {
        let hidden: [ObjectKey: VersionMark]
        let departing: Set<ObjectKey>
        let looksForExtras: Bool
    }

    /// Verifies.
    ///
    /// - Parameters:
    ///   - only: only the manifests of this run, and what they name.
    ///   - selection: only what it selects of them.
    ///   - isWhole: whether nothing is left out, so that what nothing names can be told.
    /// - Returns: what was looked at, and what is wrong.
    /// - Throws: `notFound` without a manifest; what keeps all objects from being examined.
    func verify(run only: CivilDate?, _ selection: EntrySelection, isWhole: Bool) throws(Fault) -> VaultVerdict {
        var verdict = VaultVerdict(job: layout.job, vault: store.description)
        let sorter = try RowSorter(scratch: scratch)
        let writer = ObjectGroup.Writer(sorter, layout)
        let departing = try account?.departing(layout) ?? []
        var found: VaultNames.Manifests = [:]
        try store.list(prefix: "\(layout.job)/") { key, head in
            try Shutdown.check()
            try writer.listed(key, head)
            guard !departing.contains(key), let (run, unit, number) = layout.manifest(key), only == nil || run == only
            else { return }
            found[run, default: [:]][unit, default: []].append(number)
        }
        let hidden = try store.versionMarks(prefix: "\(layout.job)/")
        let missing = try missing(found, hidden, departing, run: only, selection, writer)
        guard !found.isEmpty || !missing.missing.isEmpty else {
            throw Fault(
                .notFound,
                "\(store.description): has no manifest of job '\(layout.job)'\(only.map { " for run \($0)" } ?? "")",
                hint: "Is the vault mounted? 'ship status \(layout.job)' tells which runs were shipped.")
        }
        let names = try VaultNames(
            found, missing: missing.numbers, layout, selection, isWhole: isWhole, into: writer
        ) { key throws(Fault) in try ManifestReader(try store.open(key)) }
        verdict.findings += names.findings
        verdict.manifests = names.manifests
        let isKnown = try tell(missing, hidden, names, &verdict)
        verdict.looksForExtras = isWhole && names.findings.isEmpty && isKnown
        try examine(
            try sorter.finish(),
            Look(hidden: hidden, departing: departing, looksForExtras: verdict.looksForExtras), into: &verdict)
        return verdict
    }

    // MARK: Missing manifests

    /// Reads what staging tells, after the listing: what is shipped meanwhile is then known by its record.
    private func missing(
        _ found: VaultNames.Manifests, _ hidden: [ObjectKey: VersionMark], _ departing: Set<ObjectKey>,
        run only: CivilDate?, _ selection: EntrySelection, _ writer: ObjectGroup.Writer
    ) throws(Fault) -> ExpectedManifests {
        var expected = ExpectedManifests(layout, found, run: only, selection)
        var certain: Set<ObjectKey> = []
        if let account {
            for (run, units) in try account.ledgerManifests() {
                // Another vault may have given it another number.
                for (unit, number) in units where account.isFirst || found[run]?[unit] == nil {
                    let key = try layout.manifest(run: run, unit: unit, number: number)
                    certain.insert(key)
                    expected.add(key, by: "the ledger names it")
                }
            }
            try account.forEachOutput { key, output throws(Fault) in
                try writer.record(key, output)
                expected.add(key, by: "a record on staging names it")
            }
        }
        for (key, mark) in hidden where mark.isDeleted { expected.add(key, by: "a delete marker hides it") }
        try expected.settle(store, certain: certain, departing: departing)
        return expected
    }

    /// Tells which manifests are missing; what they name is known where the ledger has a copy.
    ///
    /// - Returns: whether that is known of all of them.
    private func tell(
        _ expected: ExpectedManifests, _ hidden: [ObjectKey: VersionMark], _ names: VaultNames,
        _ verdict: inout VaultVerdict
    ) throws(Fault) -> Bool {
        var isKnown = true
        for one in expected.missing {
            var examination = ObjectExamination()
            let isDeleted = hidden[one.key]?.isDeleted ?? false
            examination.findings = [
                isDeleted
                    ? Self.deleted(one.key) : ObjectFinding(.missing, one.key, "is not in the vault; \(one.source)")
            ]
            verdict.add([examination])
            guard one.number == expected.numbers[one.run]?[one.unit] else { continue }
            guard let copy = try account?.copy(one.run, one.unit, one.number) else {
                isKnown = false
                continue
            }
            do throws(Fault) { try names.read(copy, counts: true) } catch {
                if error.code != .damaged { throw error }
                isKnown = false
            }
        }
        return isKnown
    }

    private static func deleted(_ key: ObjectKey) -> ObjectFinding {
        ObjectFinding(.deleted, key, "a delete marker hides it; remove the marker to have it back")
    }

    // MARK: Objects

    private func examine(_ rows: SortedRows, _ look: Look, into verdict: inout VaultVerdict) throws(Fault) {
        // As many as are wanted, each as likely as any other: one pass counts them, the other one chooses.
        var left = share > 0 ? try count(rows) : 0
        var wanted = Int((share * Double(left)).rounded(.up))
        let results = Monitor(verdict)
        let queue = BoundedQueue<Work>(capacity: 4 * Self.atOnce)
        let crew = ThreadCrew(onFault: { queue.cancel() })
        for _ in 0..<Self.atOnce {
            try crew.start("verify") {
                while let work = queue.pop() {
                    try Shutdown.check()
                    try examine(work, look, results)
                }
            }
        }
        do throws(Fault) {
            let reader = try ObjectGroup.Reader(rows)
            while let group = try reader.next() {
                var work = Work(group: group)
                for key in group.archives.keys.sorted() where left > 0 {
                    if Int.random(in: 0..<left) < wanted {
                        work.sampled.insert(key)
                        wanted -= 1
                    }
                    left -= 1
                }
                guard queue.push(work) else { break }
            }
        } catch { crew.failed(error) }
        queue.close()
        try crew.join()
        verdict = results.with { $0 }
    }

    private func count(_ rows: SortedRows) throws(Fault) -> Int {
        let reader = try ObjectGroup.Reader(rows)
        var count = 0
        while let group = try reader.next() {
            try Shutdown.check()
            count += group.archives.count
        }
        return count
    }

    private func examine(_ work: Work, _ look: Look, _ results: Monitor<VaultVerdict>) throws(Fault) {
        let group = work.group
        let comparison = VaultComparison(store: store, job: layout.job, group: group)
        for key in group.manifests.sorted() {
            let found = try comparison.manifest(key).map { Self.withMark($0, look) }
            results.with { $0.add(found) }
        }
        for (key, run) in group.archives.sorted(by: { $0.key < $1.key }) {
            let isSampled = work.sampled.contains(key)
            let found = try comparison.archive(key, run: run, isRead: isSampled)
            let examined = ([(key, found.archive)] + found.sidecars).map { Self.withMark($0, look) }
            results.with { verdict in
                verdict.archives += 1
                verdict.add(examined)
                if isSampled { verdict.addSample(found.archive) }
            }
        }
        guard look.looksForExtras else { return }
        let known = group.named.union(group.superseded)
        let extras = group.listed.filter { key, _ in
            // What prune has told, what it is letting go, and what was shipped and is not in a manifest yet.
            !known.contains(key) && !key.description.hasPrefix(layout.auditPrefix) && !look.departing.contains(key)
                && group.records[key] == nil
                && (group.records.isEmpty || !key.description.hasSuffix(ArchiveName.digestSuffix))
        }
        let findings = extras.map { key, head in
            ObjectFinding(.extra, key, "\(head.size) bytes that nothing names, of \(head.modified.rfc3339)")
        }
        results.with { $0.findings += findings }
    }

    /// What versions hide of an object that was examined.
    private static func withMark(_ examination: VaultComparison.Examined, _ look: Look) -> ObjectExamination {
        var found = examination.found
        guard let mark = look.hidden[examination.key] else { return found }
        if mark.isDeleted {
            found.findings.removeAll { $0.key == examination.key.description && $0.kind == .missing }
            found.findings.append(deleted(examination.key))
        } else if mark.older > 0 {
            found.findings.append(
                ObjectFinding(
                    .rewritten, examination.key, "has \(mark.older) older versions, though nothing is written twice"))
        }
        return found
    }
}
