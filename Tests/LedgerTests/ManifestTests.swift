import Codec
import Ledger
import Platform
import TestSupport
import Testing

struct ManifestTests {
    private func rows(_ source: any RangedSource) throws -> [Manifest.Row] {
        let reader = try ManifestReader(source)
        var rows: [Manifest.Row] = []
        while let row = try reader.next() { rows.append(row) }
        return rows
    }

    private func written(_ rows: [Manifest.Row]) throws -> [UInt8] {
        try fileBytes { file in
            let writer = try ManifestWriter(file)
            for row in rows { try writer.write(row) }
            #expect(writer.count == Int64(rows.count))
            let digest = try writer.finish()
            #expect(try SHA256Hasher.digest(of: FileSource(file)) == digest)
        }
    }

    /// A row with something in every column.
    private func fullRow(_ key: ByteString) -> Manifest.Row {
        var row = Manifest.Row(
            entry: entry(
                key, .file, size: 1 << 40, modified: Timestamp(seconds: -7, nanoseconds: 123_456_789), mode: 0o6755,
                uid: .max, gid: 4_000_000_000, link: key),
            tenant: "acme")
        row.sha256 = SHA256Hasher.digest(of: key.bytes)
        row.storageClass = "DEEP_ARCHIVE"
        row.run = "2026-11-20"
        row.object = "logs/siem/acme/2026/11/20/web1.tar.gz"
        row.name = "acme/" + key
        row.range = 1_234..<(1 << 41)
        row.flags = [.grew, .racy]
        return row
    }

    @Test func `rows with odd keys come back`() throws {
        let full = oddKeys.map(fullRow)
        let plain = oddKeys.map { Manifest.Row(entry: entry($0)) }
        for rows in [full, plain, []] {
            let bytes = try written(rows)
            let back = try self.rows(BytesSource(bytes, name: "manifest"))
            #expect(back == rows)
        }
    }

    @Test func `columns of a later version are passed over wherever they stand`() throws {
        let text = "new\tsize\tkey\tflags\tmodified\ttype\tlater\n?\t7\ta\\tb\tracy,later\t12.500000000\tf\t\n"
        let row = try #require(try rows(try packed(text)).first)
        #expect(row.entry.key == "a\tb" && row.entry.size == 7 && row.entry.kind == .file)
        #expect(row.flags == .racy)
        // A row is as long as its header says, or longer: what has no name is nobody's.
        #expect(try rows(try packed("key\ttype\tsize\tmodified\na\tf\t1\t2.000000000\tmore\n")).count == 1)
    }

    @Test func `a column that must be understood is refused, as of a later version and not as damaged`() throws {
        let text = "key\ttype\tsize\tmodified\t!cipher\na\tf\t1\t2.000000000\tx\n"
        try expectFault(.unsupported, "'!cipher', which this version does not know") { try rows(try packed(text)) }
    }

    @Test(arguments: [
        EntryKind.file, .directory, .symlink, .hardLink, .fifo, .socket, .blockDevice, .characterDevice, .unknown,
    ])
    func `every kind of entry comes back`(kind: EntryKind) throws {
        let row = Manifest.Row(entry: entry("key", kind, link: "target"))
        #expect(try rows(BytesSource(try written([row]), name: "manifest")) == [row])
    }

    @Test(
        arguments: [
            ([], ""), (.grew, "grew"), (.dirty, "dirty"), (.racy, "racy"), ([.grew, .dirty, .racy], "grew,dirty,racy"),
            (.skipped, "skipped"), ([.racy, .skipped], "racy,skipped"),
        ] as [(EntryFlag, String)])
    func `flags are words`(flags: EntryFlag, text: String) throws {
        #expect(flags.text == text)
        #expect(EntryFlag(text: text) == flags)
        var row = Manifest.Row(entry: entry("key"))
        row.flags = flags
        let bytes = try written([row])
        #expect(try unpacked(bytes).hasSuffix("\t\(text)\n"))
        #expect(try rows(BytesSource(bytes, name: "manifest")) == [row])
    }

    @Test func `flags of a later version are passed over`() {
        #expect(EntryFlag(text: "later,racy,,encrypted") == .racy)
        #expect(EntryFlag(text: "Racy, racy") == [])
    }

    @Test(arguments: ["fifo", "permission", "a=b", "two words", "tab\there", "=", "a,b"])
    func `the reason of a skipped entry comes back`(reason: String) throws {
        var row = Manifest.Row(entry: entry("key"))
        row.flags = [.skipped, .dirty]
        row.reason = reason
        #expect(try rows(BytesSource(try written([row]), name: "manifest")) == [row])
        row.flags = .dirty
        let back = try rows(BytesSource(try written([row]), name: "manifest"))
        #expect(back.map(\.reason) == [""], "a reason belongs to a skipped entry")
    }

    @Test func `the columns and their text are the format`() throws {
        let text = try unpacked(try written([fullRow("a\tb")]))
        let header =
            "key\ttype\tsize\tmodified\tmode\tuid\tgid\tlink\ttenant\tidentity\tsha256\tclass\trun\tobject\tentry\toffset\tlength\tflags"
        let digest = SHA256Hasher.digest(of: Array("a\tb".utf8))
        let row = [
            "a\\tb", "f", "1099511627776", "-6.876543211", "6755", "4294967295", "4000000000", "a\\tb", "acme",
            "1099511627776:-6.876543211", digest.description, "DEEP_ARCHIVE", "2026-11-20",
            "logs/siem/acme/2026/11/20/web1.tar.gz", "acme/a\\tb", "1234", "2199023254318", "grew,racy",
        ].joined(separator: "\t")
        #expect(text == header + "\n" + row + "\n")
    }

    @Test(
        arguments: [("b", "a"), ("a", "a"), ("a/", "a-"), ("a\u{80}", "b"), ("aa", "a")] as [(ByteString, ByteString)])
    func `a key out of order is refused by the writer`(first: ByteString, second: ByteString) throws {
        _ = try fileBytes { file in
            let writer = try ManifestWriter(file)
            try writer.write(Manifest.Row(entry: entry(first)))
            let failure = fault { try writer.write(Manifest.Row(entry: entry(second))) }
            #expect((failure?.code == .damaged) == !(first < second))
            #expect(failure == nil || failure?.message.contains("'\(second)' follows '\(first)'") == true)
            #expect(writer.count == (failure == nil ? 2 : 1))
        }
    }

    @Test func `columns may stand in another order and more may come`() throws {
        let table = """
            later\tmodified\tsize\ttype\tkey\tflags\talso
            x\t5.000000001\t7\tf\ta\tracy\ty
            \t6.000000000\t0\td\tb/\t\t

            """
        let rows = try rows(try packed(table))
        var first = Manifest.Row(entry: entry("a", size: 7, modified: Timestamp(seconds: 5, nanoseconds: 1), mode: 0))
        first.flags = .racy
        let second = Manifest.Row(entry: entry("b/", .directory, modified: Timestamp(seconds: 6), mode: 0))
        #expect(rows == [first, second])
    }

    @Test(arguments: ["key", "type", "size", "modified"])
    func `a needed column that is missing is named`(column: String) throws {
        let header = Manifest.columns.map { $0 == column ? "other" : $0 }.joined(separator: "\t")
        let source = try packed(header + "\n")
        let failure = fault { try ManifestReader(source) }
        #expect(failure?.code == .damaged)
        #expect(failure?.message == "table:1: has no column '\(column)'")
    }

    @Test func `an empty table is no manifest`() throws {
        let source = try packed("")
        let failure = fault { try ManifestReader(source) }
        #expect(failure?.code == .damaged)
        #expect(failure?.message == "table: is empty, expected a header line")
    }

    @Test(arguments: [
        ("key", "\\q", "unknown escape"), ("type", "", "unknown entry type ''"), ("type", "ff", "unknown entry type"),
        ("type", "x", "unknown entry type 'x'"), ("size", "", "no number"), ("size", "-1", "negative size"),
        ("size", "9223372036854775808", "no number"), ("modified", "5", "no time"), ("mode", "9", "no octal number"),
        ("uid", "x", "no number"), ("uid", "-1", "impossible owner"), ("uid", "4294967296", "impossible owner"),
        ("gid", "4294967296", "impossible owner"), ("sha256", "abc", "no SHA-256 digest"),
        ("offset", "-1", "impossible range"), ("length", "-1", "impossible range"),
        ("offset", "9223372036854775807", "impossible range"), ("length", "x", "no number"),
    ])
    func `a wrong field is a fault that names the row`(column: String, value: String, words: String) throws {
        let good = [
            "a", "f", "1", "5.000000000", "0644", "0", "0", "", "", "", "", "", "", "", "", "5", "6", "",
        ]
        let index = try #require(Manifest.columns.firstIndex(of: column))
        var bad = good
        bad[0] = "b"
        bad[index] = value
        let table = [Manifest.columns, good, bad].map { $0.joined(separator: "\t") + "\n" }.joined()
        let reader = try ManifestReader(try packed(table))
        let first = try reader.next()
        #expect(first?.range == 5..<11)
        let failure = fault { try reader.next() }
        #expect(failure?.code == .damaged)
        #expect(failure?.message.hasPrefix("table:3: ") == true)
        #expect(failure?.message.contains(words) == true, "\(String(describing: failure))")
    }

    @Test func `a row that is too short is refused`() throws {
        let reader = try ManifestReader(try packed(Manifest.columns.joined(separator: "\t") + "\na\tf\n"))
        try expectFault(.damaged) { try reader.next() }
    }

    @Test func `a torn manifest is damaged wherever it is cut`() throws {
        let bytes = try written(oddKeys.map(fullRow))
        for count in bytes.indices {
            let source = BytesSource(Array(bytes[..<count]), name: "manifest")
            let failure = fault { try rows(source) }
            #expect(failure?.code == .damaged, "\(count)")
        }
    }
}
