import Archive
import Codec
import Ledger
import Platform
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct ArchiveIndexReaderTests {
    /// A small index: three members, five entries, three parts.
    private static let text: String = {
        let digest = SHA256Hasher.digest(of: []).description
        var lines = [
            "#coldchain-index\t1", "tool\tcoldchain test", "job\tsiem", "run\t2026-11-20", "tenant\tacme",
            "archive\tacme/web1", "size\t300", "sha256\t\(digest)", "tar_size\t9000", "entries\t5",
            "digest_entry\tMANIFEST.sha256", "part_size\t128", "#members",
            "member\toffset\tlength\ttar_offset\ttar_length",
            "0\t0\t100\t0\t4000", "1\t100\t50\t4000\t4000", "2\t150\t150\t8000\t1000", "#entries",
            "entry\ttype\tsize\tmodified\tmode\tuid\tgid\tlink\tsha256\thost\tkey\toffset\tlength\tskip",
        ]
        for (name, kind, offset, length, skip) in [
            ("a/", "d", 0, 100, 0), ("a/\\n", "f", 0, 100, 512), ("#parts", "l", 0, 100, 1_024),
            ("b", "h", 100, 200, 0),
            ("MANIFEST.sha256", "f", 150, 150, 512),
        ] {
            lines.append(
                "\(name)\t\(kind)\t0\t1700000000.000000001\t0644\t0\t7\tx\t\(kind == "f" ? digest : "")\tweb1\t\(name)\t\(offset)\t\(length)\t\(skip)"
            )
        }
        lines += [
            "#parts", "part\toffset\tlength\tsha256", "1\t0\t128\t\(digest)", "2\t128\t128\t\(digest)",
            "3\t256\t44\t\(digest)",
        ]
        return lines.joined(separator: "\n") + "\n"
    }()

    private func read(_ text: String, archive size: Int? = nil) throws -> (ArchiveIndex, [ArchiveIndex.Row]) {
        let archive = size.map { BytesSource(Array(repeating: 0, count: $0), name: "archive") }
        let reader = try ArchiveIndexReader(BytesSource(try packedText(text), name: "index"), of: archive)
        var rows: [ArchiveIndex.Row] = []
        while let row = try reader.next() { rows.append(row) }
        return (reader.index, rows)
    }

    private func refusal(_ text: String) -> Fault? {
        do {
            _ = try read(text)
            return nil
        } catch {
            return .wrapping(error)
        }
    }

    /// The text with one line, or one of its words, replaced.
    private func changed(_ old: String, _ new: String) throws -> String {
        let parts = Self.text.split(separator: old, maxSplits: 1, omittingEmptySubsequences: false)
        try #require(parts.count == 2)
        return parts.joined(separator: new)
    }

    @Test func `all four tables are read`() throws {
        let (index, rows) = try read(Self.text, archive: 300)
        #expect(index.header.tool == "coldchain test" && index.header.archive == "acme/web1")
        #expect(index.header.size == 300 && index.header.tarSize == 9_000 && index.header.entries == 5)
        #expect(index.members.map(\.offset) == [0, 100, 150])
        #expect(index.members.map(\.tarLength) == [4_000, 4_000, 1_000])
        #expect(rows.map(\.entry.key) == ["a/", "a/\n", "#parts", "b", "MANIFEST.sha256"])
        #expect(rows.map(\.entry.kind) == [.directory, .file, .symlink, .hardLink, .file])
        #expect(rows.map(\.range) == [0..<100, 0..<100, 0..<100, 100..<300, 150..<300])
        #expect(rows.map(\.skip) == [0, 512, 1_024, 0, 512])
        #expect(index.parts.partSize == 128 && index.parts.digests.count == 3)
    }

    @Test func `the end stays the end and words of a later version are passed over`() throws {
        let text = try changed("job\tsiem\n", "job\tsiem\nlater\tword\t7\n\n")
        let reader = try ArchiveIndexReader(BytesSource(try packedText(text), name: "index"))
        #expect(try reader.finish().parts.digests.count == 3)
        #expect(try reader.next() == nil)
        #expect(try reader.next() == nil)
    }

    @Test func `an index of a later version is not supported`() throws {
        let failure = refusal(try changed("#coldchain-index\t1", "#coldchain-index\t2"))
        #expect(failure?.code == .unsupported)
        #expect(failure?.message == "index: is an index of version 2, not 1")
    }

    @Test(arguments: [
        ("#coldchain-index\t1", "#coldchain-inde\t1", "index:1: is no coldchain index"),
        ("#coldchain-index\t1", "#coldchain-index\tx", "no number"),
        ("size\t300", "size\t-300", "impossible size"), ("size\t300", "size\t9223372036854775808", "no number"),
        ("size\t300", "size\t301", "do not add up"), ("size\t300", "size\t299", "do not follow each other"),
        ("tar_size\t9000", "tar_size\t9223372036854775807", "impossible size"),
        ("tar_size\t9000", "tar_size\t310632", "impossible size"),
        ("tar_size\t9000", "tar_size\t309600", "do not add up"),
        ("tar_size\t9000", "tar_size\t-1", "impossible size"),
        ("part_size\t128", "part_size\t0", "impossible size"), ("part_size\t128", "part_size\t-1", "impossible size"),
        ("part_size\t128\n", "", "impossible size"),
        ("part_size\t128", "part_size\t9223372036854775807", "more than 1 parts"),
        ("part_size\t128", "part_size\t1", "the parts do not follow each other"),
        ("part_size\t128", "part_size\t127", "do not follow each other"),
        ("sha256\te3", "sha256\tg3", "no SHA-256 digest"),
        ("0\t0\t100\t0\t4000", "0\t0\t0\t0\t4000", "do not follow each other"),
        ("0\t0\t100\t0\t4000", "0\t0\t-100\t0\t4000", "do not follow each other"),
        ("0\t0\t100\t0\t4000", "0\t0\t9223372036854775807\t0\t4000", "do not follow each other"),
        ("0\t0\t100\t0\t4000", "0\t1\t100\t0\t4000", "do not follow each other"),
        ("0\t0\t100\t0\t4000", "0\t0\t100\t0\t-1", "do not follow each other"),
        ("1\t100\t50\t4000\t4000\n", "", "do not follow each other"),
        ("#members\n", "", "ends in the header"), ("member\toffset", "memb\toffset", "has no member table"),
        ("#entries\n", "", "no number"), ("entry\ttype", "entr\ttype", "has no entry table"),
        ("\td\t0\t", "\tx\t0\t", "unknown entry type 'x'"), ("\td\t0\t", "\td\t-1\t", "lies outside"),
        ("\t0\t100\t0\n", "\t0\t301\t0\n", "lies outside"), ("\t0\t100\t0\n", "\t301\t100\t0\n", "lies outside"),
        ("\t0\t100\t0\n", "\t-1\t100\t0\n", "lies outside"), ("\t0\t100\t0\n", "\t0\t0\t0\n", "lies outside"),
        ("\t0\t100\t0\n", "\t9223372036854775807\t100\t0\n", "lies outside"),
        ("\t0\t100\t0\n", "\t0\t100\t-1\n", "lies outside"), ("\t0\t100\t0\n", "\t0\t100\t4194305\n", "lies outside"),
        ("\t0644\t0\t7\t", "\t0644\t-1\t7\t", "impossible owner"),
        ("\t0644\t0\t7\t", "\t0644\t0\t4294967296\t", "impossible owner"),
        ("#parts\npart", "part", "unknown entry type 'offset'"), ("part\toffset", "par\toffset", "has no part table"),
        ("2\t128\t128", "2\t129\t128", "do not follow each other"),
        ("2\t128\t128", "2\t0\t128", "do not follow each other"),
        ("\t44\te3", "\t44\t", "no SHA-256 digest"),
    ])
    func `what can't be is refused`(old: String, new: String, words: String) throws {
        let failure = refusal(try changed(old, new))
        #expect(failure?.code == .damaged)
        #expect(failure?.message.contains(words) == true, "\(String(describing: failure))")
    }

    @Test func `an index that ends at any line is refused`() throws {
        let lines = Self.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        for count in 0..<lines.count {
            let text = lines[..<count].map { $0 + "\n" }.joined()
            #expect(refusal(text)?.code == .damaged, "\(count) lines")
        }
        #expect(refusal(Self.text + "4\t384\t1\t" + SHA256Hasher.digest(of: []).description + "\n")?.code == .damaged)
    }

    @Test func `a table of more members than the tar can have is refused, however small they are packed`() throws {
        let size = 4_000_000
        // Four for each begun fill of a member: this tar has one.
        func text(_ members: Int) throws -> String {
            var rows = (0..<members).map { "\($0)\t\($0)\t1\t\($0)\t1\n" }.joined()
            rows += "\(members)\t\(members)\t\(size - members)\t\(members)\t\(9_000 - members)\n"
            return try changed("size\t300", "size\t\(size)")
                .replacing("part_size\t128", with: "part_size\t\(size)").split(separator: "0\t0\t100\t0\t4000\n")[0]
                + rows + "#entries\n" + Self.text.split(separator: "#entries\n")[1].split(separator: "1\t0\t128")[0]
                + "1\t0\t\(size)\t\(SHA256Hasher.digest(of: []))\n"
        }
        #expect(try read(text(3)).1.count == 5)
        let failure = refusal(try text(4))
        #expect(failure?.code == .damaged)
        #expect(failure?.message.contains("has more than 4 members, which its tar can't have") == true)
    }

    @Test func `more parts than an upload can have are refused`() throws {
        let text = try changed("size\t300", "size\t1290000")
        #expect(refusal(text)?.message.contains("impossible size") == true)
        let most = try changed("size\t300", "size\t1280000")
        #expect(refusal(most)?.message.contains("do not add up") == true)
    }

    @Test func `the index of an archive of another size is refused`() throws {
        for size in [0, 299, 301] {
            let failure = #expect(throws: Fault.self) { try read(Self.text, archive: size) }
            #expect(failure?.code == .damaged)
            #expect(failure?.message == "archive: has \(size) bytes, the index says 300")
        }
    }

    @Test func `part sizes that would overflow are refused`() throws {
        let digest = SHA256Hasher.digest(of: []).description
        let most = Int64.max
        let text = try changed("part_size\t128", "part_size\t\(most)")
        let parts = text.split(separator: "1\t0\t128", maxSplits: 1).first.map(String.init) ?? ""
        for rows in [["0"], ["0", "\(most)"], ["0", "\(most)", "-2"]] {
            let failure = refusal(parts + rows.map { "1\t\($0)\t1\t\(digest)\n" }.joined())
            #expect((failure == nil) == (rows.count == 1))
        }
    }

    /// The same index, with something odd in one place.
    private func mutated(_ bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        var bytes = bytes
        let numbers = [
            "0", "-1", "1", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "4294967296", "1e9",
            "",
            "99999999999999999999999",
        ]
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let at = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<8, using: &random) {
            case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.remove(at: at)
            case 3: bytes.insert([0x09, 0x0A, 0x5C, 0x2D, 0x39][Int.random(in: 0..<5, using: &random)], at: at)
            case 4:
                // A field becomes another number.
                let start = (bytes[..<at].lastIndex { $0 == 0x09 || $0 == 0x0A } ?? -1) + 1
                let end = bytes[at...].firstIndex { $0 == 0x09 || $0 == 0x0A } ?? bytes.count
                bytes.replaceSubrange(
                    start..<max(start, end), with: numbers[Int.random(in: 0..<10, using: &random)].utf8)
            case 5:
                let end = min(bytes.count, at + Int.random(in: 1...200, using: &random))
                bytes.removeSubrange(at..<end)
            case 6:
                let end = min(bytes.count, at + Int.random(in: 1...200, using: &random))
                bytes.insert(contentsOf: Array(bytes[at..<end]), at: Int.random(in: 0..<bytes.count, using: &random))
            default: bytes.removeSubrange(at...)
            }
            if bytes.isEmpty { return [0x0A] }
        }
        return bytes
    }

    @Test func `no damage makes the reader crash, or give what lies outside`() async throws {
        let seed = Mutation(seed: 31).seed
        let archive = BytesSource(Array(repeating: 0, count: 300), name: "archive")
        let odd = try await onOwnThread { () -> (odd: [String], read: Int, refused: Int) in
            var random = SplitMix64(seed: seed)
            var odd: [String] = []
            var (read, refused) = (0, 0)
            for round in 0..<Mutation.rounds(3_000) {
                let text = mutated(Array(Self.text.utf8), &random)
                var bytes = try gzipped(text)
                // Some are damaged below the table, too.
                if round % 10 == 0 { bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 0x10 }
                do {
                    let reader = try ArchiveIndexReader(BytesSource(bytes, name: "index"), of: archive)
                    while let row = try reader.next() {
                        let size = reader.index.header.size
                        if row.range.lowerBound < 0 || row.range.upperBound > size || row.entry.size < 0 || row.skip < 0
                        {
                            odd.append("round \(round): \(row)")
                        }
                    }
                    let index = reader.index
                    let sum = index.members.reduce(0) { $0 + $1.length }
                    let parts = index.parts.partSize > 0 && Int64(index.parts.digests.count) <= index.header.size
                    if sum != index.header.size || !parts { odd.append("round \(round): \(index.header)") }
                    read += 1
                } catch {
                    let code = Fault.wrapping(error).code
                    if code != .damaged && code != .unsupported { odd.append("round \(round): \(error)") }
                    refused += 1
                }
            }
            return (odd, read, refused)
        }
        #expect(odd.odd == [], "seed \(seed)")
        #expect(odd.read > 100 && odd.refused > 1_000, "seed \(seed): \(odd.read) read, \(odd.refused) refused")
    }

    @Test func `no damage to index or archive makes verifying or extracting crash`() async throws {
        var host = StagedHost()
        host.file("a", text: "content of a\n")
        host.file("b", Array(repeating: 7, count: 10_000))
        host.symlink("c", to: "a")
        host.hardLink("d", to: "a")
        let packed = try await pack([host])
        let archive = try packed.bytes("acme.tar.gz")
        let index = try packed.bytes("acme.index.tsv.gz")
        let seed = Mutation(seed: 32).seed
        let odd = try await onOwnThread { () -> [String] in
            var random = SplitMix64(seed: seed)
            let table = Array(try unpackedText(index).utf8)
            let tar = try Array(gunzipped(archive))
            let target = RestoreTarget(try Directory.open(packed.top.path).descendCreating(["fuzz"]), overwrites: true)
            var odd: [String] = []
            for round in 0..<Mutation.rounds(600) {
                let source = BytesSource(
                    round % 2 == 0 ? archive : try gzipped(mutated(tar, &random)), name: "archive")
                let other = BytesSource(
                    round % 2 == 0 ? try gzipped(mutated(table, &random)) : index, name: "index")
                do {
                    _ = try ArchiveVerifier(source).verify(index: round % 4 == 3 ? nil : other)
                } catch {
                    let code = Fault.wrapping(error).code
                    if code != .damaged && code != .unsupported { odd.append("verify \(round): \(error)") }
                }
                do {
                    var wanted: [ArchiveExtractor.Wanted] = []
                    for row in try indexRows(other) where row.entry.kind != .hardLink {
                        wanted.append(
                            .init(
                                name: row.entry.key, range: row.range, sha256: row.sha256, entry: row.entry,
                                outputs: [row.entry.key]))
                    }
                    try ArchiveExtractor(source).extract(wanted, to: target) {
                        if $1.message.isEmpty { odd.append("extract \(round): \($0)") }
                    }
                } catch {
                    // Whatever it is: it is told, and the process lives.
                    odd += Fault.wrapping(error).message.isEmpty ? ["extract \(round): no message"] : []
                }
            }
            return odd
        }
        #expect(odd == [], "seed \(seed)")
    }
}
