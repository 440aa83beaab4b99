import Codec
import Ledger
import Platform

/// The reading end of an archive: entries in order, content checked against the entry list while it is read, tar by
/// libarchive, cut into members.
struct EntryStream {
    private let request: ArchiveWriter.Request
    private let cutter: MemberCutter
    private let tar: TarWriter
    private let digests: File
    private var digestText = DigestText()
    private var names = ArchiveNames()
    private var row = RowWriter()
    private let buffer = Buffer(capacity: 64 << 10)

    /// Entries written, the digest list included.
    private(set) var count: Int64 = 0
    private(set) var contentBytes: Int64 = 0
    private(set) var digestEntry = DigestText.name

    private static let zeros = Handed(Buffer(capacity: 1 << 20).zeroed())

    init(_ request: ArchiveWriter.Request, cutter: MemberCutter, scratch: Directory) throws(Fault) {
        self.request = request
        self.cutter = cutter
        tar = try TarWriter { (bytes: UnsafeRawBufferPointer) throws(Fault) in try cutter.append(bytes) }
        digests = try scratch.unnamedFile()
    }

    /// Writes all entries, the digest list and the end of the tar.
    mutating func run() throws(Fault) {
        for share in request.plan.shares {
            let rows = request.spool.rows(share.ranges)
            let tree = try request.tree(share.host)
            while let listRow = try rows.next() {
                try Shutdown.check()
                try add(listRow, host: share.host, tree: tree)
            }
        }
        try addDigests()
        try tar.finish()
        try cutter.finish()
    }

    private mutating func add(_ listRow: EntryList.Row, host: String, tree: StagedTree) throws(Fault) {
        let source = listRow.entry
        let sparse = listRow.sparse.map { Self.inBlocks($0, size: source.size) }
        let name = try request.place(host, source.key).member
        for taken in names.add(name, isDirectory: source.kind == .directory) {
            try refuse(taken, by: (host, source.key))
        }
        avoidDigestName(name)

        var entry = source
        entry.modified = TarWriter.kept(source.modified)
        var contentKey = source.key
        var link = source.kind == .symlink ? source.link : ByteString()
        if source.kind == .hardLink {
            let target = try request.place(host, source.link)
            if target.archive == request.plan.name, !request.plan.hasLostFirstName(of: source, host: host) {
                link = target.member
            } else {
                // The first name lies in another archive: this one becomes a file of its own.
                entry.kind = .file
                contentKey = source.link
            }
        }
        cutter.beginHeader()
        try tar.begin(name, entry, link: link, sparse: entry.kind == .file ? sparse : nil)
        try cutter.endHeader(content: entry.kind == .file ? Self.tarContent(entry, sparse) : 0)
        if entry.kind == .file {
            let again =
                "Staging has changed it; run 'collect \(request.job) --run \(request.run) --only \(host) --force'."
            let digest: Digest256
            do { digest = try writeContent(entry, sparse: sparse, key: contentKey, tree: tree) } catch {
                throw error.code == .damaged || error.code == .notFound ? error.hinting(again) : error
            }
            if digest != listRow.manifest.sha256 {
                throw Fault(
                    .damaged,
                    "\(host): '\(source.key)': the content on staging has SHA-256 \(digest), collected was \(listRow.manifest.sha256?.description ?? "without a digest")",
                    hint: again)
            }
            contentBytes += entry.size
        }
        try tar.end()
        if entry.kind == .file || entry.kind == .hardLink, let digest = listRow.manifest.sha256 {
            try addDigest(digest, name)
        }
        entry.key = name
        ArchiveIndexWriter.writeStart(
            of: entry, link: link, sha256: listRow.manifest.sha256, host: host, key: source.key, to: &row)
        try cutter.endEntry(row: row.bytes)
        row.clear()
        count += 1
    }

    /// The ranges widened to whole blocks of tar: GNU tar looks for the data of each range at the start of a block, where
    /// libarchive puts it only if the one before fills its last.
    private static func inBlocks(_ ranges: [Range<Int64>], size: Int64) -> [Range<Int64>] {
        var wide: [Range<Int64>] = []
        for range in ranges where !range.isEmpty {
            let start = range.lowerBound / 512 * 512
            let end = range.upperBound > size - 512 ? size : (range.upperBound + 511) / 512 * 512
            if let last = wide.last, start <= last.upperBound {
                wide[wide.count - 1] = last.lowerBound..<max(last.upperBound, end)
            } else {
                wide.append(start..<end)
            }
        }
        return wide
    }

    /// The bytes that follow an entry's headers: for a file with holes its data, and before it the map of the data as
    /// libarchive writes it (two numbers for each range and for the end, padded to a block).
    private static func tarContent(_ entry: Entry, _ sparse: [Range<Int64>]?) -> Int64 {
        guard let sparse else { return entry.size }
        let longestNumber: Int64 = 20
        return sparse.reduce(2 * longestNumber * Int64(sparse.count + 2) + 512) { $0 + Int64($1.count) }
    }

    private func writeContent(_ entry: Entry, sparse: [Range<Int64>]?, key: ByteString, tree: StagedTree) throws(Fault)
        -> Digest256
    {
        let file = try tree.open(key)
        if entry.size > 1 << 20 { file.adviseSequential() }
        var hasher = SHA256Hasher()
        var offset: Int64 = 0
        for range in sparse ?? [0..<entry.size] {
            try writeZeros(range.lowerBound - offset, &hasher)
            offset = range.lowerBound
            while offset < range.upperBound {
                // Dense content is read into its place in the block. Before sparse content libarchive writes a map.
                let place = sparse == nil ? try cutter.space() : buffer.bytes
                let wanted = Int(min(Int64(min(buffer.capacity, place.count)), range.upperBound - offset))
                let piece = UnsafeMutableRawBufferPointer(rebasing: place[..<wanted])
                let count = try file.read(into: piece, at: offset)
                guard count == wanted else {
                    throw Fault(
                        .damaged,
                        "\(file.path): has \(offset + Int64(count)) bytes on staging, collected were \(entry.size)")
                }
                hasher.update(UnsafeRawBufferPointer(piece))
                try tar.write(UnsafeRawBufferPointer(piece))
                offset += Int64(count)
                if entry.size > 64 << 20 { try Shutdown.check() }
            }
        }
        try writeZeros(entry.size - offset, &hasher)
        return hasher.finish()
    }

    private func writeZeros(_ count: Int64, _ hasher: inout SHA256Hasher) throws(Fault) {
        let zeros = Self.zeros.value
        var rest = count
        while rest > 0 {
            try Shutdown.check()
            let piece = UnsafeRawBufferPointer(rebasing: zeros.bytes[..<Int(min(rest, Int64(zeros.capacity)))])
            hasher.update(piece)
            try tar.write(piece)
            rest -= Int64(piece.count)
        }
    }

    // MARK: The digest list

    private mutating func addDigest(_ digest: Digest256, _ name: ByteString) throws(Fault) {
        digestText.add(digest, name)
        if digestText.bytes.count >= 256 << 10 { try flushDigests() }
    }

    private mutating func flushDigests() throws(Fault) {
        try digests.write(digestText.bytes)
        digestText.clear()
    }

    /// Gives the digest list a further `_` where an entry has its name, or lies in a directory of its name.
    private mutating func avoidDigestName(_ name: ByteString) {
        let first = name.bytes.prefix { $0 != UInt8(ascii: "/") }
        guard DigestText.isName(of: ByteString(first)) else { return }
        // The longest run of marks is the greatest name: `_` comes behind `M`.
        if !(ByteString(first) < digestEntry) { digestEntry = ByteString("_") + ByteString(first) }
    }

    /// The last entry lists the digests of the others, so that an extracted archive checks itself.
    private mutating func addDigests() throws(Fault) {
        try flushDigests()
        let size = try digests.status().size
        let entry = Entry(
            key: digestEntry, kind: .file, size: size,
            modified: Timestamp(seconds: Int64(request.run.dayNumber) * 86_400), mode: 0o444, uid: 0, gid: 0)
        cutter.beginHeader()
        try tar.begin(digestEntry, entry, link: ByteString(), sparse: nil)
        try cutter.endHeader(content: size)
        var hasher = SHA256Hasher()
        var offset: Int64 = 0
        while offset < size {
            buffer.count = try digests.read(into: buffer.bytes, at: offset)
            guard buffer.count > 0 else { throw Fault(.changed, "\(digests.path): is shorter than written") }
            hasher.update(buffer.contents)
            try tar.write(buffer.contents)
            offset += Int64(buffer.count)
        }
        try tar.end()
        ArchiveIndexWriter.writeStart(
            of: entry, link: ByteString(), sha256: hasher.finish(), host: "", key: ByteString(), to: &row)
        try cutter.endEntry(row: row.bytes)
        row.clear()
        count += 1
    }

    // MARK: Collisions

    /// Throws when an entry before this one really stands in its way: the hashes only say "perhaps".
    private func refuse(_ taken: ArchiveNames.Taken, by one: (host: String, key: ByteString)) throws(Fault) {
        for share in request.plan.shares {
            let rows = request.spool.rows(share.ranges)
            while let row = try rows.next() {
                if share.host == one.host && row.entry.key == one.key { return }
                let name = try request.place(share.host, row.entry.key).member
                guard taken.isMeant(by: name, isDirectory: row.entry.kind == .directory) else { continue }
                throw Fault(
                    .settings,
                    "'\(taken.path)' would stand \(taken.words) in archive '\(request.plan.name)': from \(share.host)'s '\(row.entry.key)' and from \(one.host)'s '\(one.key)'",
                    hint: "Make the job's 'member' template tell them apart, for example with {host}.")
            }
        }
    }
}

extension Buffer {
    fileprivate func zeroed() -> Buffer {
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        return self
    }
}
