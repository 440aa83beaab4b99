import Ledger
package import Platform

extension ArchivePlan {
    /// Splits an archive that is larger than `limit` into volumes, at borders between entries.
    ///
    /// Each volume is an archive of its own. They are filled one after the other, so that where they end depends on the
    /// entries alone; a file larger than the limit gets a volume to itself, with the directories before it. Directories
    /// and links alone make no volume, since its list of digests would be empty: a few may go beyond the limit. A hard
    /// link whose first name lies in an earlier volume, or in another archive, becomes the file.
    ///
    /// - Parameters:
    ///   - archive: one of the plan, or a part of one.
    ///   - limit: bytes of tar as planned: headers and content, without the list of digests.
    ///   - place: says in which archive an entry of a host lies.
    /// - Returns: the volumes in their order; the archive itself where it is small enough.
    /// - Throws: `interrupted` after a signal; what `place` throws; the system's fault when the spool can't be read.
    package func volumes(
        of archive: Archive, limit: Int64?,
        place: (_ host: String, _ key: ByteString) throws(Fault) -> (archive: String, member: ByteString)
    ) throws(Fault) -> [Archive] {
        guard let limit, archive.tarSize > limit else { return [archive] }
        var volumes: [Archive] = []
        var current = archive.emptied
        var hasFile = false
        // What directories and links may go beyond the limit together.
        let slack = limit / 16
        for share in archive.shares {
            let rows = spool.rows(share.ranges)
            while let (row, range) = try rows.nextPlaced() {
                try Shutdown.check()
                var isFile = row.entry.kind == .file
                if row.entry.kind == .hardLink {
                    let isElsewhere = try place(share.host, row.entry.link).archive != archive.name
                    isFile = isElsewhere || current.hasLostFirstName(of: row.entry, host: share.host)
                }
                let size = Archive.tarSize(of: row, isFile: isFile)
                if isFile ? hasFile && current.tarSize + size > limit : current.tarSize + size > limit + slack {
                    volumes.append(current)
                    current = archive.emptied
                    hasFile = false
                    isFile = isFile || row.entry.kind == .hardLink
                }
                hasFile = hasFile || isFile
                current.add(row, range, host: share.host, isFile: isFile)
            }
        }
        if !hasFile, current.tarSize <= slack, let last = volumes.indices.last {
            volumes[last].append(current)
        } else if current.entries > 0 {
            volumes.append(current)
        }
        return volumes
    }
}

extension ArchivePlan.Archive {
    /// Takes over what follows in the order of the entries.
    fileprivate mutating func append(_ next: ArchivePlan.Archive) {
        entries += next.entries
        bytes += next.bytes
        tarSize += next.tarSize
        for share in next.shares {
            if let last = shares.indices.last, shares[last].host == share.host {
                shares[last].ranges += share.ranges
                shares[last].entries += share.entries
            } else {
                shares.append(share)
            }
        }
    }

    /// Whether an entry is a hard link whose first name does not lie here, but in an earlier volume.
    ///
    /// A host's entries come in the order of their keys, first names before their links.
    func hasLostFirstName(of entry: Entry, host: String) -> Bool {
        guard entry.kind == .hardLink else { return false }
        guard let share = shares.first(where: { $0.host == host }) else { return true }
        return entry.link < share.firstKey
    }
}
