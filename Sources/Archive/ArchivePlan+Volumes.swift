import Ledger
package import Platform

extension ArchivePlan {
    /// Splits an archive that is larger than `limit` into volumes, at borders between entries.
    ///
    /// Each volume is an archive of its own. They are filled one after the other, so that where they end depends on the
    /// entries alone; an entry larger than the limit gets a volume to itself. A hard link whose first name lies in an
    /// earlier volume becomes the file.
    ///
    /// - Parameters:
    ///   - archive: one of the plan, or a part of one.
    ///   - limit: bytes of tar, which is more than the archive will have.
    /// - Returns: the volumes in their order; the archive itself where it is small enough.
    /// - Throws: `interrupted` after a signal; the system's fault when the spool can't be read.
    package func volumes(of archive: Archive, limit: Int64?) throws(Fault) -> [Archive] {
        guard let limit, archive.tarSize > limit else { return [archive] }
        var volumes: [Archive] = []
        var current = archive.emptied
        for share in archive.shares {
            let rows = spool.rows(share.ranges)
            while let (row, range) = try rows.nextPlaced() {
                try Shutdown.check()
                var isFile = row.entry.kind == .file || current.hasLostFirstName(of: row.entry, host: share.host)
                let size = Archive.tarSize(of: row, isFile: isFile)
                if current.entries > 0, current.tarSize + size > limit {
                    volumes.append(current)
                    current = archive.emptied
                    isFile = isFile || row.entry.kind == .hardLink
                }
                current.add(row, range, host: share.host, isFile: isFile)
            }
        }
        if current.entries > 0 { volumes.append(current) }
        return volumes
    }
}

extension ArchivePlan.Archive {
    /// Whether an entry is a hard link whose first name does not lie here, but in an earlier volume.
    ///
    /// A host's entries come in the order of their keys, first names before their links.
    func hasLostFirstName(of entry: Entry, host: String) -> Bool {
        guard entry.kind == .hardLink else { return false }
        guard let share = shares.first(where: { $0.host == host }) else { return true }
        return entry.link < share.firstKey
    }
}
