import Codec
import Ledger
import Platform
import Staging
import Vault
import Warehouse

/// What manifests say of the objects.
extension DatabaseScan {
    /// Whether a manifest stays for its age alone: as long as it does, so does what it names.
    private func isYoung(_ manifest: ManifestCensus.Manifest) -> Bool {
        guard let head = manifest.head, work.departures[manifest.key.description] == nil else { return false }
        return work.now < head.modified.adding(days: prune.prune.request.policy.minAge)
    }

    /// Reads manifests, newest first, until every object is known to be needed.
    func mark() throws(Fault) {
        for open in prune.prune.open.units where open.record.unit == unit {
            guard let packed = try open.run.unitRecord(.pack, unit),
                let manifest = packed.outputs.first(where: { $0.path.hasSuffix(".manifest.tsv.gz") })
            else { continue }
            let (directories, name) = ArchiveName.split(manifest.path)
            do throws(Fault) {
                let directory = try open.run.directory.descend(directories.map { ByteString($0) })
                try objects.mark(try FileSource(try directory.openFile(ByteString(name))), .planned)
            } catch { if error.code != .notFound { throw error } }
        }
        var (needed, others): ([ManifestCensus.Manifest], [ManifestCensus.Manifest]) = ([], [])
        for (manifest, reasons) in zip(work.census.manifests, work.reasons) where manifest.unit == unit {
            if reasons.isEmpty, !isYoung(manifest) { others.append(manifest) } else { needed.append(manifest) }
        }
        // It names nearly all that there is.
        if let newest = needed.firstIndex(where: \.isNewestNumber) {
            try mark(needed.remove(at: newest), [.kept, .known], isNewest: true)
            try narrow()
        }
        for manifest in needed where !objects.areAllNeeded { try mark(manifest, [.kept, .known]) }
        if !others.isEmpty { try narrow() }
        for manifest in others where !objects.areAllNeeded { try mark(manifest, .known) }
    }

    private func mark(
        _ manifest: ManifestCensus.Manifest, _ marks: CandidateObjects.Marks, isNewest: Bool = false
    ) throws(Fault) {
        try work.census.forEachCopy(of: manifest, prune.prune) { source throws(Fault) in
            try objects.mark(source, marks, isNewest: isNewest)
        }
    }

    private func narrow() throws(Fault) { try objects.narrow { keep($0.size) } }
}
