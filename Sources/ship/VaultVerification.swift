import Archive
import Codec
import Ledger
import Platform
import Vault

/// Compares what the manifests in a vault name with what is in the vault.
struct VaultVerification: Sendable {
    let store: any ObjectStore
    let layout: VaultLayout
    /// What the records on staging tell of the vault's objects; empty without staging.
    let records: [ObjectKey: UnitRecord.Output]
    /// What prune is letting go: it may be there or not.
    let departing: Set<ObjectKey>
    /// The part of the archives that is read, from 0 to 1.
    let share: Double

    /// Objects examined at once: nearly all of it is waiting for answers.
    private static let atOnce = 8

    /// An archive that a manifest names.
    struct NamedArchive: Sendable {
        var key: ObjectKey
        /// The run in which it was made.
        var run: String
        var isSampled = false
    }

    private enum Work: Sendable {
        case archive(NamedArchive)
        case manifest(ObjectKey)
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
        var listed: [ObjectKey: ObjectHead] = [:]
        try store.list(prefix: "\(layout.job)/") { key, head in
            try Shutdown.check()
            listed[key] = head
        }
        let names = try VaultNames(
            store, layout, listed.keys.filter { !departing.contains($0) }, run: only, selection, isWhole: isWhole)
        verdict.findings += names.findings
        verdict.manifests = names.manifests.count
        verdict.archives = names.archives.count
        var work = names.manifests.sorted().map { Work.manifest($0) }
        let wanted = share > 0 ? Int((share * Double(names.archives.count)).rounded(.up)) : 0
        let sampled = Set(names.archives.keys.shuffled().prefix(wanted))
        for (key, run) in names.archives.sorted(by: { $0.key < $1.key }) {
            work.append(.archive(NamedArchive(key: key, run: run, isSampled: sampled.contains(key))))
        }
        try examine(
            work, VaultComparison(store: store, job: layout.job, records: records, listed: listed), into: &verdict)

        let hidden = try store.versionMarks(prefix: "\(layout.job)/")
        let named = names.named
        for (key, mark) in hidden.sorted(by: { $0.key < $1.key }) where named.contains(key) {
            if mark.isDeleted {
                verdict.findings.removeAll { $0.key == key.description && $0.kind == .missing }
                verdict.findings.append(
                    ObjectFinding(
                        .deleted, key, "a delete marker hides it; remove the marker to have it back"))
            } else if mark.older > 0 {
                verdict.findings.append(
                    ObjectFinding(.rewritten, key, "has \(mark.older) older versions, though nothing is written twice"))
            }
        }
        if isWhole && names.isComplete {
            let known = named.union(names.superseded)
            for (key, head) in listed.sorted(by: { $0.key < $1.key }) where !known.contains(key) {
                // Shipped, and not in a manifest yet.
                guard records[key] == nil, !isSidecarOfRecord(key) else { continue }
                // What prune has told, and what it is letting go.
                guard !key.description.hasPrefix(layout.auditPrefix), !departing.contains(key) else { continue }
                verdict.findings.append(
                    ObjectFinding(.extra, key, "\(head.size) bytes that nothing names, of \(head.modified.rfc3339)"))
            }
            verdict.looksForExtras = true
        }
        return verdict
    }

    /// Whether it is the digest file of something that a record names.
    private func isSidecarOfRecord(_ key: ObjectKey) -> Bool {
        let text = key.description
        guard text.hasSuffix(ArchiveName.digestSuffix) else { return false }
        let base = String(text.dropLast(ArchiveName.digestSuffix.utf8.count))
        let candidates = [base] + MemberCodec.allCases.map { base + $0.suffix }
        return candidates.contains { (try? ObjectKey($0)).map { records[$0] != nil } ?? false }
    }

    // MARK: Objects

    private func examine(_ work: [Work], _ comparison: VaultComparison, into verdict: inout VaultVerdict)
        throws(Fault)
    {
        let results = Monitor(verdict)
        try ThreadCrew.each(work, atOnce: Self.atOnce, "verify") { next throws(Fault) in
            switch next {
            case .manifest(let key):
                let found = try comparison.manifest(key)
                results.with { $0.add(found) }
            case .archive(let named):
                let found = try comparison.archive(named.key, run: named.run, isRead: named.isSampled)
                results.with { verdict in
                    verdict.add([found.archive] + found.sidecars)
                    if named.isSampled { verdict.addSample(found.archive) }
                }
            }
        }
        verdict = results.with { $0 }
    }
}
