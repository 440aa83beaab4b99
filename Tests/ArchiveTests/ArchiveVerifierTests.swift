import Codec
import Ledger
import Platform
import TestSupport
import Testing

@testable import Archive

@Suite(.timeLimit(.minutes(10)))
struct ArchiveVerifierTests {
    /// A small archive of a few members, all in memory.
    private struct Small: Sendable {
        var archive: [UInt8]
        var index: [UInt8]

        func verify(archive bytes: [UInt8]? = nil, index other: [UInt8]? = nil, isWithout: Bool = false) throws
            -> VerifyReport
        {
            let source = BytesSource(bytes ?? archive, name: "acme.tar.gz")
            let index = BytesSource(other ?? index, name: "acme.index")
            return try ArchiveVerifier(source).verify(index: isWithout ? nil : index)
        }

        /// What the verifier says against it; nothing when it passes.
        func refusal(archive bytes: [UInt8]? = nil, index other: [UInt8]? = nil, isWithout: Bool = false) -> Fault? {
            do {
                _ = try verify(archive: bytes, index: other, isWithout: isWithout)
                return nil
            } catch {
                return .wrapping(error)
            }
        }
    }

    private func small(_ host: StagedHost) async throws -> Small {
        let packed = try await pack([host])
        return Small(archive: try packed.bytes("acme.tar.gz"), index: try packed.bytes("acme.index.tsv.gz"))
    }

    /// Some files, links and a big one of zeros, so that there are three members in a few KiB.
    private static let tree: StagedHost = {
        var host = StagedHost()
        host.directory("a/")
        host.file("a/first", text: "the first file\n", mode: 0o640)
        host.hardLink("a/link", to: "a/first")
        host.symlink("a/symlink", to: "first")
        host.file("b", Array(repeating: 0, count: (4 << 20) + 10))
        host.file("c", text: "the last file\n")
        return host
    }()

    @Test func `good archives pass, with and without an index`() async throws {
        for host in [StagedHost.sampler, .large, Self.tree] {
            let packed = try await pack([host])
            let written = try #require(packed.written["acme"])
            for hasIndex in [true, false] {
                let report = try await onOwnThread {
                    try ArchiveVerifier(packed.source()).verify(index: hasIndex ? packed.index() : nil)
                }
                let files = host.rows.values.filter { $0.entry.kind == .file }
                #expect(report.entries == Int64(host.rows.count + 1))
                #expect(report.files == Int64(files.count + 1))
                #expect(report.members == Int64(written.index.members.count))
                #expect(report.contentBytes > written.contentBytes)
                #expect(report.sha256 == written.index.header.sha256)
                #expect((report.proof == .index) == hasIndex)
            }
        }
    }

    @Test func `any byte of a small archive that changes is found`() async throws {
        var host = StagedHost()
        host.file("a", text: "some content\n")
        host.symlink("b", to: "a")
        let small = try await small(host)
        let passed = try await onOwnThread {
            small.archive.indices.flatMap { index in
                [UInt8(0x01), 0x80, 0xFF].compactMap { mask -> String? in
                    var bytes = small.archive
                    bytes[index] ^= mask
                    let failure = small.refusal(archive: bytes)
                    let isNamed =
                        failure?.message.contains("acme.tar.gz") == true || failure?.message.contains("'") == true
                    return failure?.code == .damaged && isNamed
                        ? nil : "\(index)^\(mask): \(String(describing: failure))"
                }
            }
        }
        #expect(passed == [])
        #expect(small.refusal() == nil)
    }

    @Test func `sampled bytes of a larger archive that change are found, and their place is told`() async throws {
        let packed = try await pack([.large])
        let archive = try packed.bytes("acme.tar.gz")
        let small = Small(archive: archive, index: try packed.bytes("acme.index.tsv.gz"))
        let members = try #require(packed.written["acme"]?.index.members)
        let passed = try await onOwnThread {
            var random = SplitMix64(seed: 30)
            var passed: [String] = []
            for round in 0..<24 {
                var bytes = archive
                let at = Int.random(in: 0..<bytes.count, using: &random)
                bytes[at] ^= UInt8.random(in: 1...255, using: &random)
                let failure = small.refusal(archive: bytes)
                if failure?.code != .damaged { passed.append("\(round): \(at): \(String(describing: failure))") }
                let number = members.firstIndex { Int($0.offset) <= at && at < Int($0.offset + $0.length) } ?? -1
                let member = members[number]
                // A byte that inflating has no use for, such as the time in a header, is in a part with another digest.
                let places = [
                    "member \(number) (bytes \(member.offset)-\(member.offset + member.length))", "part 1 (bytes 0-",
                ]
                if !places.contains(where: { failure?.message.contains($0) == true }) {
                    passed.append("\(at) was told as \(String(describing: failure))")
                }
            }
            return passed
        }
        #expect(passed == [])
    }

    @Test func `an archive cut at any length is refused`() async throws {
        var host = StagedHost()
        host.file("a", text: "some content\n")
        host.directory("b/")
        let one = try await small(host)
        let several = try await small(Self.tree)
        for (small, step) in [(one, 1), (several, 101)] {
            let edges = try members(small).map { Int($0.offset + $0.length) }
            let near = edges.flatMap { ($0 - 9)...($0 + 9) }
            let lengths = Set(stride(from: 0, to: small.archive.count, by: step)).union(near)
                .filter { $0 < small.archive.count }
            let (with, without) = try await onOwnThread {
                let cuts = lengths.sorted().map { ($0, Array(small.archive[..<$0])) }
                return (
                    cuts.filter { small.refusal(archive: $0.1)?.code != .damaged }.map(\.0),
                    cuts.filter { small.refusal(archive: $0.1, isWithout: true)?.code != .damaged }.map(\.0)
                )
            }
            #expect(with == [])
            // Without an index a cut where a member and an entry end together leaves a whole tar, without its last entry.
            #expect(without == [])
        }
    }

    private func members(_ small: Small) throws -> [ArchiveIndex.Member] {
        try ArchiveIndexReader(
            BytesSource(small.index, name: "index"), of: BytesSource(small.archive, name: "archive")
        ).finish().members
    }

    @Test func `swapped, dropped and repeated members are refused`() async throws {
        let small = try await small(Self.tree)
        let pieces = try members(small).map { Array(small.archive[Int($0.offset)..<Int($0.offset + $0.length)]) }
        #expect(pieces.count >= 3)
        for one in pieces.indices {
            var dropped = pieces
            dropped.remove(at: one)
            #expect(small.refusal(archive: Array(dropped.joined()))?.code == .damaged, "without \(one)")
            var repeated = pieces
            repeated.insert(pieces[one], at: one)
            #expect(small.refusal(archive: Array(repeated.joined()))?.code == .damaged, "twice \(one)")
            for two in pieces.indices where two > one {
                var swapped = pieces
                swapped.swapAt(one, two)
                #expect(small.refusal(archive: Array(swapped.joined()))?.code == .damaged, "\(one) and \(two)")
            }
        }
    }

    @Test func `whatever is appended is refused, with and without an index`() async throws {
        let small = try await small(Self.tree)
        let compressor = try GzipMemberCompressor(level: 6)
        func member(_ bytes: [UInt8]) -> [UInt8] { gzipped(bytes, compressor) }
        let more: [[UInt8]] = [
            [0], Array("garbage".utf8), member(Array("garbage".utf8)), small.archive,
            member([1] + Array(repeating: 0, count: 2_000)),
            member(Array(repeating: 0, count: 300_000) + [1]),
        ]
        for (number, bytes) in more.enumerated() {
            #expect(small.refusal(archive: small.archive + bytes)?.code == .damaged, "\(number)")
            #expect(small.refusal(archive: small.archive + bytes, isWithout: true)?.code == .damaged, "\(number)")
        }
        // Zeros behind a tar are padding, which only the index can tell from the archive's own bytes.
        let zeros = small.archive + member(Array(repeating: 0, count: 2_000))
        #expect(small.refusal(archive: zeros)?.code == .damaged)
        #expect(small.refusal(archive: zeros, isWithout: true) == nil)
    }

    @Test func `an empty file and a file that is no archive are refused`() async throws {
        let small = try await small(Self.tree)
        for bytes in [[], Array("plain".utf8), Array(small.index)] as [[UInt8]] {
            #expect(small.refusal(archive: bytes)?.code == .damaged)
            #expect(small.refusal(archive: bytes, isWithout: true)?.code == .damaged)
        }
    }

    /// A tar as one gzip member, with the digests of what `list` takes as its last entry.
    private func archive(
        _ entries: [(ByteString, EntryKind, String)], list: [(ByteString, String)], name: ByteString = "MANIFEST.sha256"
    ) throws -> Small {
        var bytes: [UInt8] = []
        let tar = try TarWriter { (piece: UnsafeRawBufferPointer) throws(Fault) in bytes += piece }
        let text = list.map { "\(SHA256Hasher.digest(of: Array($0.1.utf8)))  \($0.0)\n" }.joined()
        for (name, kind, content) in entries + (name.isEmpty ? [] : [(name, .file, text)]) {
            let entry = Entry(
                key: name, kind: kind, size: kind == .file ? Int64(content.utf8.count) : 0, modified: StagedHost.moment,
                mode: 0o644, uid: 0, gid: 0)
            try tar.begin(name, entry, link: kind == .file ? "" : ByteString(content), sparse: nil)
            if kind == .file { try Array(content.utf8).withUnsafeBytes { try tar.write($0) } }
            try tar.end()
        }
        try tar.finish()
        return Small(archive: try gzipped(bytes), index: [])
    }

    private static let files: [(ByteString, EntryKind, String)] = [
        ("a", .file, "one"), ("b", .hardLink, "a"), ("c", .symlink, "a"), ("d", .file, "two"), ("e", .hardLink, "a"),
    ]

    @Test func `without an index an archive is whole when it ends with the digests of its files`() throws {
        let (a, b, d, e): ((ByteString, String), (ByteString, String), (ByteString, String), (ByteString, String)) = (
            ("a", "one"), ("b", "one"), ("d", "two"), ("e", "one")
        )
        let good = try archive(Self.files, list: [a, b, d, e])
        #expect(good.refusal(isWithout: true) == nil)
        let marked = try archive(Self.files, list: [a, b, d, e], name: "__MANIFEST.sha256")
        #expect(marked.refusal(isWithout: true) == nil)
        let none = try archive([], list: [])
        #expect(none.refusal(isWithout: true) == nil)

        let wrong: [[(ByteString, String)]] = [
            [], [a, b, d], [a, d, e], [b, d, e], [a, b, e], [a, b, d, e, e], [a, b, d, e, ("f", "three")],
            [d, a, b, e], [("a", "two"), b, d, e], [a, ("b", "two"), d, e], [a, b, ("D", "two"), e],
        ]
        for list in wrong {
            let failure = try archive(Self.files, list: list).refusal(isWithout: true)
            #expect(failure?.code == .damaged, "\(list)")
            #expect(failure?.message.contains("is not that of the files before it") == true, "\(list)")
        }
        let more = try archive(Self.files + [("MANIFEST.sha256", .file, ""), ("z", .file, "")], list: [], name: "")
        let cut = try archive(Self.files, list: [], name: "")
        let below = try archive(Self.files, list: [a, b, d, e], name: "x/MANIFEST.sha256")
        let link = try archive(Self.files + [("MANIFEST.sha256", .symlink, "a")], list: [], name: "")
        let behind = more.refusal(isWithout: true)
        #expect(behind?.message.contains("does not end with MANIFEST.sha256") == true)
        // Whole tars of others, as far as anything tells.
        for small in [cut, below, link] {
            #expect(try small.verify(isWithout: true).proof == .structure)
        }
        #expect(try good.verify(isWithout: true).proof == .digestList)
    }

    @Test func `odd names stand in the list of digests as sha256sum writes them`() async throws {
        let packed = try await pack([.sampler])
        let report = try await onOwnThread { try ArchiveVerifier(packed.source()).verify(index: nil) }
        #expect(report.entries == Int64(StagedHost.sampler.rows.count + 1))
    }

    @Test func `the index of another archive is refused`() async throws {
        let small = try await small(Self.tree)
        var other = Self.tree
        other.change("a/first") { $0.manifest.entry.mode = 0o600 }
        other.change("a/link") { $0.manifest.entry.mode = 0o600 }
        let foreign = try await self.small(other)
        #expect(small.refusal(index: foreign.index)?.code == .damaged)
        #expect(foreign.refusal(index: small.index)?.code == .damaged)
    }

    /// Changes the text of an index, with the digests and sizes of the archive as they were.
    private func edited(_ index: [UInt8], _ edit: (inout [String]) -> Void) throws -> [UInt8] {
        var lines = try unpackedText(index).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        edit(&lines)
        return try packedText(lines.joined(separator: "\n"))
    }

    @Test func `a list of digests of several members belongs to every sample, with the end of the tar`() async throws {
        var host = StagedHost()
        host.file("first", [1])
        let long = String(repeating: "n", count: 2_000)
        for number in 0..<2_200 { host.hardLink(ByteString("\(long) \(100_000 + number)"), to: "first") }
        let packed = try await pack([host])
        let list = try #require(try packed.rows().last)
        #expect(list.entry.size > 4 << 20)
        let index = try packed.bytes("acme.index.tsv.gz")
        let other = try edited(index) { lines in
            for (number, line) in lines.enumerated() where line.hasPrefix("MANIFEST.sha256\tf\t") {
                lines[number] = line.replacing(list.sha256?.description ?? "?", with: String(repeating: "1", count: 64))
            }
        }
        let short = try edited(index) { lines in
            lines.removeAll { $0.hasPrefix("MANIFEST.sha256\tf\t") }
            for (number, line) in lines.enumerated() where line.hasPrefix("entries\t") {
                lines[number] = "entries\t2201"
            }
        }
        try await onOwnThread {
            let verifier = ArchiveVerifier(try packed.source())
            for seed in 1...2 as ClosedRange<UInt64> {
                let good = try verifier.sample(index: BytesSource(index, name: "index"), seed: seed)
                #expect(good.findings == [] && good.files >= 1 && good.contentBytes >= list.entry.size)
                let bad = try verifier.sample(index: BytesSource(other, name: "index"), seed: seed)
                #expect(bad.findings.count == 1)
                #expect(bad.findings.first?.message.contains("'MANIFEST.sha256' has SHA-256") == true)
                let more = try verifier.sample(index: BytesSource(short, name: "index"), seed: seed)
                #expect(more.findings.first?.message.contains("'MANIFEST.sha256' is not in the index") == true)
            }
        }
    }

    private static let columns = [
        "entry", "type", "size", "modified", "mode", "uid", "gid", "link", "sha256", "host", "key", "offset", "length",
        "skip",
    ]

    @Test(arguments: [
        ("a/first", "size", "16"), ("a/first", "size", "14"), ("a/first", "modified", "1700000000.123456788"),
        ("a/first", "mode", "0644"), ("a/first", "uid", "7"), ("a/first", "gid", "7"),
        ("a/first", "sha256", String(repeating: "0", count: 64)), ("a/first", "sha256", ""), ("a/first", "type", "l"),
        ("a/first", "entry", "a/First"), ("a/link", "link", "b"), ("a/symlink", "link", "second"),
        ("a/first", "skip", "0"), ("a/first", "skip", "512"), ("b", "skip", "1"), ("b", "length", "300"),
        ("a/first", "length", "1"),
        ("c", "offset", "0"), ("c", "skip", "512"), ("b", "offset", "0"), ("MANIFEST.sha256", "length", "1"),
        ("MANIFEST.sha256", "skip", "0"),
    ])
    func `a row of the index that is not what the archive has is refused`(entry: String, column: String, value: String)
        async throws
    {
        let small = try await small(Self.tree)
        let at = try #require(Self.columns.firstIndex(of: column))
        var hasChanged = false
        let index = try edited(small.index) { lines in
            for (number, line) in lines.enumerated() {
                var cells = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
                guard cells.count == Self.columns.count, cells[0] == entry else { continue }
                hasChanged = cells[at] != value
                cells[at] = value
                lines[number] = cells.joined(separator: "\t")
            }
        }
        #expect(hasChanged)
        let failure = small.refusal(index: index)
        #expect(failure?.code == .damaged, "\(String(describing: failure))")
    }

    @Test(arguments: ["size", "sha256", "tar_size", "entries", "part_size"])
    func `a word of the header that is not what the archive has is refused`(word: String) async throws {
        let small = try await small(Self.tree)
        var changes = 0
        let index = try edited(small.index) { lines in
            for (number, line) in lines.enumerated() where line.hasPrefix(word + "\t") {
                let value = line.split(separator: "\t")[1]
                lines[number] =
                    word + "\t"
                    + (word == "sha256" ? String(repeating: "1", count: 64) : word == "part_size" ? "100" : "1\(value)")
                changes += 1
            }
        }
        #expect(changes == 1)
        #expect(small.refusal(index: index)?.code == .damaged)
    }

    @Test func `a border between two members inside one entry is proved, too`() async throws {
        let small = try await small(Self.tree)
        var changes = 0
        let index = try edited(small.index) { lines in
            for (number, line) in lines.enumerated() {
                var cells = line.split(separator: "\t").compactMap { Int($0) }
                // The two members of "b": the first one longer by a byte, the second one shorter.
                guard cells.count == 5, line.split(separator: "\t").count == 5, cells[0] == 1 || cells[0] == 2 else {
                    continue
                }
                if cells[0] == 1 { cells[4] += 1 } else { (cells[3], cells[4]) = (cells[3] + 1, cells[4] - 1) }
                lines[number] = cells.map { "\($0)" }.joined(separator: "\t")
                changes += 1
            }
        }
        #expect(changes == 2)
        #expect(small.refusal(index: index)?.code == .damaged)
    }

    @Test func `rows and members that are missing, doubled or swapped are refused`() async throws {
        let small = try await small(Self.tree)
        let count = try unpackedText(small.index).split(separator: "\n").count
        var refused = 0
        for line in 1..<count {
            let without = try edited(small.index) { $0.remove(at: line) }
            let doubled = try edited(small.index) { $0.insert($0[line], at: line) }
            let swapped = try edited(small.index) {
                if line + 1 < count { $0.swapAt(line, line + 1) } else { $0[line] = "x" }
            }
            let text = try unpackedText(small.index).split(separator: "\n")
            // Words that tell people what the archive is are no part of the proof, and may stand in any order.
            let free = [
                "tool", "job", "run", "tenant", "archive", "size", "sha256", "tar_size", "entries", "digest_entry",
                "part_size", "codec", "library",
            ]
            let isWord = free.contains { text[line].hasPrefix($0 + "\t") }
            if isWord { continue }
            for (what, index) in [("without", without), ("doubled", doubled), ("swapped", swapped)] {
                let failure = small.refusal(index: index)
                #expect(failure?.code == .damaged, "\(what) \(line): \(text[line]): \(String(describing: failure))")
                refused += 1
            }
        }
        #expect(refused > 40)
    }
}
