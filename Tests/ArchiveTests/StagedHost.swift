import Codec
import Glibc
import Ledger
import Platform
import TestSupport

/// What collect left of one host: staged content and an entry list, and the tree from which they come.
struct StagedHost: Sendable {
    /// A file's bytes: all of it, or the pieces between holes.
    struct Content: Sendable {
        var size: Int64
        var pieces: [Int64: [UInt8]]

        /// The digest of pieces and holes.
        var sha256: Digest256 {
            let zeros = [UInt8](repeating: 0, count: 1 << 20)
            var hasher = SHA256Hasher()
            var offset: Int64 = 0
            func hole(to end: Int64) {
                while offset < end {
                    let count = Int(min(Int64(zeros.count), end - offset))
                    zeros.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
                    offset += Int64(count)
                }
            }
            for (start, bytes) in pieces.sorted(by: { $0.key < $1.key }) {
                hole(to: start)
                bytes.withUnsafeBytes { hasher.update($0) }
                offset = start + Int64(bytes.count)
            }
            hole(to: size)
            return hasher.finish()
        }
    }

    let name: String
    private(set) var rows: [ByteString: EntryList.Row] = [:]
    private(set) var contents: [ByteString: Content] = [:]

    /// With parts of a second, as a file system has it.
    static let moment = Timestamp(seconds: 1_700_000_000, nanoseconds: 123_456_789)

    init(_ name: String = "web1") { self.name = name }

    private mutating func add(
        _ key: ByteString, _ kind: EntryKind, size: Int64 = 0, mode: UInt32, modified: Timestamp, uid: UInt32,
        gid: UInt32, link: ByteString = "", sha256: Digest256? = nil, sparse: [Range<Int64>]? = nil
    ) {
        var row = Manifest.Row(
            entry: Entry(
                key: key, kind: kind, size: size, modified: modified, mode: mode, uid: uid, gid: gid, link: link),
            tenant: "acme")
        row.sha256 = sha256
        row.run = "2026-11-20"
        rows[key] = EntryList.Row(.take, reason: "new", row, sparse: sparse)
    }

    mutating func file(
        _ key: ByteString, _ bytes: [UInt8] = [], mode: UInt32 = 0o644, modified: Timestamp = moment, uid: UInt32 = 0,
        gid: UInt32 = 0
    ) {
        let content = Content(size: Int64(bytes.count), pieces: bytes.isEmpty ? [:] : [0: bytes])
        contents[key] = content
        add(
            key, .file, size: content.size, mode: mode, modified: modified, uid: uid, gid: gid, sha256: content.sha256)
    }

    mutating func file(_ key: ByteString, text: String, mode: UInt32 = 0o644) {
        file(key, Array(text.utf8), mode: mode)
    }

    /// A file with holes between pieces.
    mutating func sparseFile(_ key: ByteString, size: Int64, _ pieces: [Int64: [UInt8]]) {
        let content = Content(size: size, pieces: pieces)
        contents[key] = content
        let ranges = pieces.map { $0.key..<($0.key + Int64($0.value.count)) }.sorted { $0.lowerBound < $1.lowerBound }
        add(
            key, .file, size: size, mode: 0o644, modified: Self.moment, uid: 0, gid: 0, sha256: content.sha256,
            sparse: ranges)
    }

    mutating func directory(_ key: ByteString, mode: UInt32 = 0o755, modified: Timestamp = moment) {
        add(key, .directory, mode: mode, modified: modified, uid: 0, gid: 0)
    }

    mutating func symlink(_ key: ByteString, to target: ByteString, modified: Timestamp = moment) {
        add(key, .symlink, mode: 0o777, modified: modified, uid: 0, gid: 0, link: target)
    }

    /// A further name of a file that was added before.
    mutating func hardLink(_ key: ByteString, to first: ByteString) {
        guard let row = rows[first] else { preconditionFailure("the first name comes first") }
        let entry = row.entry
        add(
            key, .hardLink, size: entry.size, mode: entry.mode, modified: entry.modified, uid: entry.uid,
            gid: entry.gid, link: first, sha256: row.manifest.sha256, sparse: row.sparse)
    }

    /// An entry that is not taken.
    mutating func leave(_ key: ByteString, _ action: EntryList.Action, reason: String = "") {
        file(key)
        contents[key] = nil
        rows[key]?.action = action
        rows[key]?.reason = reason
    }

    mutating func change(_ key: ByteString, _ body: (inout EntryList.Row) -> Void) {
        if var row = rows[key] {
            body(&row)
            rows[key] = row
        }
    }

    var sortedRows: [EntryList.Row] { rows.keys.sorted().compactMap { rows[$0] } }

    /// Writes the content as collect leaves it on staging: by escaped names, without metadata.
    func stage(in directory: Directory) throws -> Directory {
        let top = try directory.descendCreating([ByteString(name)])
        let tree = TreeBuilder(top)
        for (key, content) in contents {
            let path = StagedPath.components(of: key).reduce(into: ByteString()) {
                $0 = $0.isEmpty ? $1 : $0 + "/" + $1
            }
            try tree.sparseFile(path, size: content.size, content.pieces, mode: 0o600)
        }
        return top
    }

    func list(in directory: Directory) throws -> EntryListReader {
        let file = try directory.createFile(ByteString("\(name).entries.tsv.gz"))
        let writer = try EntryListWriter(file)
        for row in sortedRows { try writer.write(row) }
        _ = try writer.finish()
        return try EntryListReader(FileSource(file))
    }

    /// Makes the tree that the archive must give back.
    func make(_ path: String) throws {
        let tree = try TreeBuilder(path)
        let kept = sortedRows.filter { $0.action == .take }
        for row in kept where row.entry.kind != .hardLink {
            let entry = row.entry
            switch entry.kind {
            case .file:
                let content = contents[entry.key] ?? Content(size: 0, pieces: [:])
                try tree.sparseFile(entry.key, size: content.size, content.pieces, mode: nil)
            case .directory: try tree.directory(entry.key)
            case .symlink: try tree.symlink(entry.key, to: entry.link)
            default: break
            }
        }
        for row in kept where row.entry.kind == .hardLink { try tree.hardLink(row.entry.key, to: row.entry.link) }
        // From the leaves up, since what is made in a directory changes its time.
        for row in kept.reversed() where row.entry.kind != .hardLink {
            var components = row.entry.key.components
            guard let leaf = components.popLast() else { continue }
            let directory = try tree.root.descend(components)
            // Whoever is not root gets back what then is his.
            if geteuid() == 0 { try directory.setOwner(leaf, uid: row.entry.uid, gid: row.entry.gid) }
            if row.entry.kind != .symlink { try directory.setMode(leaf, row.entry.mode) }
            try directory.setModified(leaf, row.entry.modified)
        }
    }
}

extension StagedHost {
    /// A tree with everything that file systems have and archives trip over; every name fits a path.
    static let sampler: StagedHost = {
        var host = StagedHost()
        var random = SplitMix64(seed: 20)
        host.directory("etc/", mode: 0o755)
        host.file("etc/hosts", text: "127.0.0.1 localhost\n")
        host.file("etc/empty")
        host.file("etc/random", random.bytes(70_000), mode: 0o640, uid: 1_234, gid: 4_321)
        host.file("etc/other owner", [1], uid: 3_000_000, gid: 4_000_000_000)
        host.file("etc/old", [2], modified: Timestamp(seconds: 0))
        host.file("etc/far future", [3], modified: Timestamp(seconds: 5_000_000_000, nanoseconds: 1))
        host.directory("etc/empty directory/", mode: 0o700, modified: Timestamp(seconds: 1_600_000_000, nanoseconds: 7))
        host.directory("etc/sticky/", mode: 0o1777)
        host.file("modes/setuid", text: "#!/bin/sh\n", mode: 0o4755)
        host.file("modes/setgid", text: "#!/bin/sh\n", mode: 0o2711)
        host.file("modes/read-only", [4], mode: 0o400)
        host.file("modes/none", [5], mode: 0)
        host.symlink("links/relative", to: "../etc/hosts")
        host.symlink("links/dangling", to: "/no/such/file", modified: Timestamp(seconds: 1_650_000_000, nanoseconds: 9))
        host.symlink("links/long", to: ByteString(bytes: Array(repeating: 0x6C, count: 300)))
        host.symlink("links/bytes", to: ByteString(bytes: [0x2E, 0x2E, 0x2F, 0xFF, 0xFE]))
        host.file("links/first", random.text(5_000), mode: 0o600)
        host.hardLink("links/second", to: "links/first")
        host.hardLink("links/third\n", to: "links/first")
        host.file("names/with space", [6])
        host.file("names/new\nline", [7])
        host.file("names/quo\"te's", [8])
        host.file("names/back\\slash", [9])
        host.file("names/-rf", [10])
        host.file("names/--checkpoint-action=exec=false", [11])
        host.file("names/tab\tand\rreturn", [12])
        host.file("names/grüße 日本", [13])
        host.file(ByteString(Array("names/bytes ".utf8) + [0xFF, 0x80]), [14])
        host.file("names/%41", [15])
        host.file("names/.hidden", [16])
        host.file(ByteString("names/" + String(repeating: "n", count: 255)), [17])
        let deep = (0..<8).map { "\($0)" + String(repeating: "d", count: 60) }.joined(separator: "/")
        host.file(ByteString(deep + "/leaf"), [18])
        for depth in 1...8 {
            let path = deep.split(separator: "/").prefix(depth).joined(separator: "/")
            host.directory(ByteString(path + "/"), modified: Timestamp(seconds: 1_600_000_000 + Int64(depth)))
        }
        for name in ["links/", "modes/", "names/", "sparse/"] { host.directory(ByteString(name), mode: 0o750) }
        host.sparseFile(
            "sparse/some", size: 1 << 20, [8_192: random.text(4_096), 524_288: random.text(12_288)])
        host.sparseFile("sparse/hole", size: 1 << 20, [:])
        host.sparseFile("sparse/data at end", size: 1 << 20, [(1 << 20) - 4_096: random.bytes(4_096)])
        host.file("-first", text: "a name that looks like an option\n")
        host.file("#parts", text: "a name that looks like a table\n")
        return host
    }()

    /// A tree whose archive has many members: small files, big ones, and one that does not compress.
    static let large: StagedHost = {
        var host = StagedHost("db1")
        var random = SplitMix64(seed: 21)
        let text = random.text(600_000)
        for number in 0..<40 {
            let length = Int.random(in: 0...600_000, using: &random)
            host.file(ByteString("a/small \(number < 10 ? "0" : "")\(number)"), Array(text[..<length]))
        }
        let block = random.text(1 << 20)
        host.file("b/big", Array(Array(repeating: block, count: 11).joined()) + text)
        host.file("b/small behind", text: "small")
        host.file("c/random", random.bytes(9 << 20))
        host.file("c/small behind", text: "small")
        // Header and content fill a member to the byte: 512 of pax header, 512 of its records, 512 of header.
        host.file("d/exact", Array(repeating: 0x61, count: (4 << 20) - 1_536))
        host.file("d/one more", Array(repeating: 0x62, count: (4 << 20) - 1_535))
        host.hardLink("e/link", to: "b/big")
        host.symlink("e/symlink", to: "../b/big")
        return host
    }()
}
