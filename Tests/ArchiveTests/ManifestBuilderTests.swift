import Archive
import Codec
import Ledger
import Platform
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct ManifestBuilderTests {
    /// A tree of two tenants, with links across them, and entries that were not taken.
    private static let host: StagedHost = {
        var host = StagedHost()
        host.directory("a/")
        host.file("a/first", text: "shared")
        host.hardLink("a/near", to: "a/first")
        host.symlink("a/symlink", to: "first")
        host.leave("a/carried", .carry)
        host.change("a/carried") { row in
            row.manifest.object = "old.tar.gz"
            row.manifest.name = "a/carried"
            row.manifest.range = 5..<10
            row.manifest.run = "2026-11-01"
        }
        host.leave("a/skipped", .skip, reason: "fifo")
        host.file("b/file", text: "other")
        host.hardLink("b/far", to: "a/first")
        host.file("c/last", text: "last")
        return host
    }()

    private static let neighbour: StagedHost = {
        var host = StagedHost("web2")
        host.file("a/first", text: "of the neighbour")
        host.file("z", text: "last")
        return host
    }()

    /// Tenants by the first letter; both hosts share each archive.
    @Sendable private static func byLetter(_ host: String, _ key: ByteString) -> (archive: String, member: ByteString) {
        (String(decoding: key.bytes.prefix(1), as: UTF8.self), ByteString(host + "/") + key)
    }

    private func share(_ packed: Packed, _ name: String, _ firstKey: ByteString, _ opened: Monitor<[String]>? = nil)
        -> ManifestBuilder.Share
    {
        .init(firstKey: firstKey, entries: 0, object: "v/\(name).tar.gz", storageClass: "DEEP_ARCHIVE") {
            () throws(Fault) in
            opened?.with { $0.append(name) }
            return try ArchiveIndexReader(.wrappingErrors { try packed.index(name) })
        }
    }

    private func build(
        _ host: StagedHost, _ packed: Packed, _ shares: @escaping @Sendable () -> [ManifestBuilder.Share]
    ) async throws -> [Manifest.Row] {
        try await onOwnThread {
            let scratch = try Directory.open(packed.top.path).descendCreating(["manifest"])
            let file = try scratch.createFile("manifest")
            let writer = try ManifestWriter(file)
            try ManifestBuilder(host: host.name, run: "2026-11-20")
                .build(list: host.list(in: scratch), shares: shares(), into: writer)
            _ = try writer.finish()
            let reader = try ManifestReader(FileSource(file))
            var rows: [Manifest.Row] = []
            while let row = try reader.next() { rows.append(row) }
            return rows
        }
    }

    @Test func `list and several archives are joined`() async throws {
        let packed = try await pack([Self.host, Self.neighbour], place: Self.byLetter)
        let opened = Monitor([String]())
        let rows = try await build(Self.host, packed) {
            [
                share(packed, "c", "c/last", opened), share(packed, "a", "a/", opened),
                share(packed, "b", "b/far", opened),
            ]
        }
        let order = opened.with { $0 }
        #expect(order == ["a", "b", "c"])
        #expect(
            rows.map(\.entry.key) == [
                "a/", "a/carried", "a/first", "a/near", "a/skipped", "a/symlink", "b/far", "b/file", "c/last",
            ])
        #expect(
            rows.map(\.object) == [
                "v/a.tar.gz", "old.tar.gz", "v/a.tar.gz", "v/a.tar.gz", "", "v/a.tar.gz", "v/b.tar.gz", "v/b.tar.gz",
                "v/c.tar.gz",
            ])
        // The link to another archive became a file there.
        #expect(rows.map(\.entry.kind) == [.directory, .file, .file, .hardLink, .file, .symlink, .file, .file, .file])
        #expect(rows[6].entry.link == "" && rows[3].entry.link == "a/first" && rows[5].entry.link == "first")
        #expect(rows[1].range == 5..<10 && rows[1].run == "2026-11-01" && rows[1].name == "a/carried")
        #expect(rows[4].flags == .skipped && rows[4].reason == "fifo")
        for row in rows where row.object.hasPrefix("v/") {
            #expect(row.name == ByteString("web1/") + row.entry.key)
            #expect(row.run == "2026-11-20" && row.storageClass == "DEEP_ARCHIVE")
            let index = try packed.rows(String(row.object.dropFirst(2).prefix(1)))
            let inside = index.first { $0.entry.key == row.name }
            #expect(inside?.range == row.range && inside?.sha256 == row.sha256)
        }
        // Each entry's bytes come back by nothing but the manifest's row.
        for row in rows where row.object.hasPrefix("v/") && row.entry.kind == .file {
            let wanted = ArchiveExtractor.Wanted(
                name: row.name, range: try #require(row.range), sha256: row.sha256, entry: row.entry, outputs: [])
            let failure = try await fault {
                let source = try packed.source(String(row.object.dropFirst(2).prefix(1)))
                try ArchiveExtractor(source).content(of: wanted) { _ in }
            }
            #expect(failure == nil, "\(row.entry.key): \(String(describing: failure))")
        }
    }

    @Test func `the neighbour's entries are passed over`() async throws {
        let packed = try await pack([Self.host, Self.neighbour], place: Self.byLetter)
        let rows = try await build(Self.neighbour, packed) { [share(packed, "a", "a/first"), share(packed, "z", "z")] }
        #expect(rows.map(\.name) == ["web2/a/first", "web2/z"])
        #expect(rows.map(\.object) == ["v/a.tar.gz", "v/z.tar.gz"])
    }

    @Test func `an entry that is in no archive is a fault`() async throws {
        let packed = try await pack([Self.host], place: Self.byLetter)
        for missing in ["a", "b", "c"] {
            let failure = await fault {
                try await build(Self.host, packed) {
                    [("a", "a/"), ("b", "b/far"), ("c", "c/last")].filter { $0.0 != missing }
                        .map { share(packed, $0.0, $0.1) }
                }
            }
            #expect(failure?.code == .damaged)
            #expect(
                failure?.message.hasSuffix("was collected but is in no archive of run 2026-11-20") == true, "\(missing)"
            )
            #expect(failure?.hint?.contains("pack again with --force") == true)
        }
        var more = Self.host
        more.file("b/further")
        let host = more
        let failure = await fault {
            try await build(host, packed) {
                [share(packed, "a", "a/"), share(packed, "b", "b/far"), share(packed, "c", "c/last")]
            }
        }
        #expect(failure?.message == "web1: 'b/further' was collected but is in no archive of run 2026-11-20")
    }

    @Test(arguments: ["a/", "a/near", "b/file", "c/last"] as [ByteString])
    func `an entry that is in an archive but not in the list is a fault`(key: ByteString) async throws {
        let packed = try await pack([Self.host], place: Self.byLetter)
        var less = StagedHost()
        for row in Self.host.sortedRows where row.entry.key != key {
            less.file(row.entry.key)
            less.change(row.entry.key) { $0 = row }
        }
        let host = less
        let failure = await fault {
            try await build(host, packed) {
                // An archive with nothing of the host hides nothing.
                [
                    share(packed, "a", "a/"), share(packed, "b", "b/far"), share(packed, "c", "c/last"),
                ]
            }
        }
        #expect(failure?.code == .damaged)
        let words = failure?.message ?? ""
        let isNamed =
            words == "web1: '\(key)' is in an archive of run 2026-11-20 but not in its entry list"
            || words.hasSuffix("was collected but is in no archive of run 2026-11-20")
        #expect(isNamed, "\(words)")
    }

    @Test func `an archive with nothing of the host does not hide what another one has too much`() async throws {
        let packed = try await pack([Self.host, Self.neighbour], place: Self.byLetter)
        var less = StagedHost()
        for row in Self.host.sortedRows where row.entry.key.hasPrefix("a/") {
            less.file(row.entry.key)
            less.change(row.entry.key) { $0 = row }
        }
        let host = less
        let failure = await fault {
            try await build(host, packed) { [share(packed, "z", "a/"), share(packed, "a", "a/")] }
        }
        #expect(failure == nil)
        let extra = await fault {
            try await build(host, packed) {
                [share(packed, "z", "a/"), share(packed, "a", "a/"), share(packed, "b", "a/symlink")]
            }
        }
        #expect(extra?.message == "web1: 'b/far' is in an archive of run 2026-11-20 but not in its entry list")
    }

    @Test func `content that was collected anew since is a fault`() async throws {
        let packed = try await pack([Self.host], place: Self.byLetter)
        var other = Self.host
        other.change("b/file") { $0.manifest.sha256 = SHA256Hasher.digest(of: [1]) }
        let host = other
        let failure = await fault {
            try await build(host, packed) {
                [share(packed, "a", "a/"), share(packed, "b", "b/far"), share(packed, "c", "c/last")]
            }
        }
        #expect(failure?.code == .damaged)
        #expect(
            failure?.message == "web1: 'b/file' was collected with another SHA-256 than run 2026-11-20's archive has")
    }
}

extension RangedSource where Self == FileSource {
    /// What `body` gives; whatever it throws becomes a fault.
    fileprivate static func wrappingErrors(_ body: () throws -> FileSource) throws(Fault) -> FileSource {
        do { return try body() } catch { throw .wrapping(error) }
    }
}
