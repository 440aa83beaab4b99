package import Codec
package import Ledger
package import Platform

/// What goes into which archive: the entry lists of a run's hosts, grouped by the job's template.
///
/// The rows wait in a spool; the plan itself holds an archive's ranges in it, so a million entries cost little memory.
package struct ArchivePlan: Sendable {
    /// One archive to be.
    package struct Archive: Sendable {
        package let name: String
        package let tenant: String
        package let compression: Compression
        package var entries: Int64 = 0
        /// Bytes of content.
        package var bytes: Int64 = 0
        /// Bytes of tar, about.
        package var tarSize: Int64 = 0
        /// The hosts in it, in order, with where their rows lie.
        package var shares: [Share] = []
    }

    /// The entries of one host in one archive.
    package struct Share: Sendable {
        package let host: String
        package var ranges: [Range<Int64>]
        package var entries: Int64
        package let firstKey: ByteString
    }

    /// By name.
    package private(set) var archives: [Archive] = []
    package let spool: SpooledEntries

    /// A host's list and the rules that place its entries.
    package struct Source {
        package let host: String
        package let list: EntryListReader
        package var place: (ByteString) throws(Fault) -> (archive: String, tenant: String)
        package init(
            host: String, list: EntryListReader,
            place: @escaping (ByteString) throws(Fault) -> (archive: String, tenant: String)
        ) {
            self.host = host
            self.list = list
            self.place = place
        }
    }

    /// Reads the lists, each once, and groups what they take.
    ///
    /// - Parameters:
    ///   - sources: the hosts' lists, in the order in which their entries come in an archive.
    ///   - compression: the codec and level of a tenant.
    ///   - scratch: a local directory for the spool.
    /// - Throws: `damaged` for a list that can't be read; what `place` throws for an entry that has no place;
    ///   `interrupted` after a signal; the system's fault, such as `noSpace`, when the spool can't be written.
    package init(_ sources: [Source], compression: (_ tenant: String) -> Compression, scratch: Directory) throws(Fault)
    {
        let spool = try EntrySpool(scratch: scratch)
        var numbers: [String: Int] = [:]
        var archives: [Archive] = []
        for source in sources {
            while let row = try source.list.next() {
                try Shutdown.check()
                guard row.action == .take else { continue }
                let (name, tenant) = try source.place(row.entry.key)
                let number: Int
                if let known = numbers[name] {
                    number = known
                } else {
                    number = archives.count
                    numbers[name] = number
                    archives.append(Archive(name: name, tenant: tenant, compression: compression(tenant)))
                }
                var isFile = row.entry.kind == .file
                // Where its first name lies in another archive, a hard link is written as the file.
                if row.entry.kind == .hardLink { isFile = try source.place(row.entry.link).archive != name }
                archives[number].add(row, try spool.append(row), host: source.host, isFile: isFile)
            }
        }
        self.spool = try spool.finish()
        self.archives = archives.sorted { $0.name < $1.name }
    }
}

extension ArchivePlan.Archive {
    /// Keeps these shares only; content and tar size stay those of the whole, as an upper bound.
    package mutating func restrict(to shares: [ArchivePlan.Share]) {
        self.shares = shares
        entries = shares.reduce(0) { $0 + $1.entries }
    }

    /// The same with nothing in it.
    var emptied: ArchivePlan.Archive { .init(name: name, tenant: tenant, compression: compression) }

    /// Bytes of tar that an entry takes, about.
    ///
    /// Its content comes with it where it is a file, as a hard link is whose first name lies elsewhere.
    static func tarSize(of row: EntryList.Row, isFile: Bool) -> Int64 {
        guard isFile else { return 1_024 }
        let content = row.sparse?.reduce(0) { $0 + Int64($1.count) } ?? row.entry.size
        return 1_024 + (content + 511) / 512 * 512
    }

    mutating func add(_ row: EntryList.Row, _ range: Range<Int64>, host: String, isFile: Bool) {
        entries += 1
        if isFile { bytes += row.entry.size }
        tarSize += Self.tarSize(of: row, isFile: isFile)
        if shares.last?.host != host {
            shares.append(.init(host: host, ranges: [range], entries: 1, firstKey: row.entry.key))
            return
        }
        let share = shares.count - 1
        let last = shares[share].ranges.count - 1
        shares[share].entries += 1
        if shares[share].ranges[last].upperBound == range.lowerBound {
            shares[share].ranges[last] = shares[share].ranges[last].lowerBound..<range.upperBound
        } else {
            shares[share].ranges.append(range)
        }
    }
}
