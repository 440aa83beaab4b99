import Archive
import Codec
import Ledger
import Platform
import Vault

/// Brings one archive with its sidecars into a vault: archive first, then index, then digests.
///
/// A key that is taken by the same bytes is adopted, after they are proved; one that is taken by others is left alone,
/// and the archive becomes the next generation.
struct Shipment {
    let store: any ObjectStore
    let layout: VaultLayout
    let name: ArchiveName
    let tags: [String: String]
    let journal: any PartsJournal

    struct Shipped {
        var archive: ObjectKey
        var index: ObjectKey
        var generation: Int
        var evidence: Evidence
        var wasThere: Bool
    }

    /// More generations than this mean that something is wrong, not that a run was repeated.
    private static let generations = 100

    func send(archive: (FileSource, ExpectedContent), index: (FileSource, ExpectedContent)) throws(Fault) -> Shipped {
        for generation in 1...Self.generations {
            let key = try layout.archive(name.base, generation: generation, suffix: name.codec.suffix)
            let indexKey = try layout.archive(name.base, generation: generation, suffix: ArchiveName.indexSuffix)
            let digestKey = try layout.archive(name.base, generation: generation, suffix: ArchiveName.digestSuffix)
            // Asked first: an archive of another codec may have this generation, with another name for itself but not for
            // its index.
            let isThere = try store.head(indexKey) != nil
            if isThere, try isTaken(indexKey, notBy: index.1) { continue }
            var archiveOptions = archiveOptions
            var indexOptions = sidecar("application/gzip")
            // The index is put once the archive is there.
            if isThere { archiveOptions.presence = .likelyTaken }
            indexOptions.presence = isThere ? .likelyTaken : .free
            guard let one = try place(archive.0, archive.1, key, archiveOptions) else { continue }
            guard let two = try place(index.0, index.1, indexKey, indexOptions) else { continue }
            // The names in the digest file are those in the vault, so that sha256sum -c works beside them.
            let text =
                "\(archive.1.sha256)  \(key.components.last?.description ?? "")\n"
                + "\(index.1.sha256)  \(indexKey.components.last?.description ?? "")\n"
            let digests = BytesSource(Array(text.utf8), name: digestKey.description)
            let expected = ExpectedContent(size: digests.size, sha256: SHA256Hasher.digest(of: Array(text.utf8)))
            var digestOptions = sidecar("text/plain")
            if isThere { digestOptions.presence = .likelyTaken }
            guard let three = try place(digests, expected, digestKey, digestOptions) else { continue }
            return Shipped(
                archive: key, index: indexKey, generation: generation,
                evidence: min(one.evidence, two.evidence, three.evidence), wasThere: one.wasThere)
        }
        throw Fault(.limit, "\(name): has \(Self.generations) generations in \(store.description) already")
    }

    private func isTaken(_ key: ObjectKey, notBy expected: ExpectedContent) throws(Fault) -> Bool {
        do { _ = try store.verify(key, expecting: expected) } catch {
            guard error.code == .damaged || error.code == .changed else { throw error }
            return true
        }
        return false
    }

    private var archiveOptions: PutOptions {
        PutOptions(.archive, tags: tags, contentType: name.codec.contentType, journal: journal)
    }

    private func sidecar(_ contentType: String) -> PutOptions {
        var options = PutOptions(.sidecar, tags: tags, contentType: contentType)
        options.isProvedByAnswer = true
        return options
    }

    /// Puts or adopts an object; nothing when the key is taken by other bytes.
    private func place(
        _ source: any RangedSource, _ expected: ExpectedContent, _ key: ObjectKey, _ options: PutOptions
    ) throws(Fault) -> (evidence: Evidence, wasThere: Bool)? {
        // Also where there is an object: it may be one that an attempt which was killed has completed and not recorded.
        do { return (try store.put(source, expecting: expected, to: key, options).evidence, false) } catch {
            guard error.code == .exists else { throw error }
        }
        do { return (try store.adopt(key, expecting: expected, options), true) } catch {
            guard error.code == .damaged || error.code == .changed else { throw error }
            return nil
        }
    }
}
