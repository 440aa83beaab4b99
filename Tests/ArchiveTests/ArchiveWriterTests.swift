import Codec
import Glibc
import Ledger
import Platform
import TestSupport
import Testing

@testable import Archive

@Suite(.timeLimit(.minutes(10)))
struct ArchiveWriterTests {
    @Test func `an independent reader finds what the index says`() async throws {
        let packed = try await pack([.sampler])
        let entries = StagedHost.sampler.rows.count + 1
        #expect(try await PythonReader.check(packed) == ["\(entries) entries, 1 members, 1 parts, 0 big"])
    }

    @Test func `members are cut at entries, and pieces of big files`() async throws {
        let packed = try await pack([.large])
        let entries = StagedHost.large.rows.count + 1
        let lines = try await PythonReader.check(packed)
        #expect(lines.count == 1)
        #expect(lines.last?.hasPrefix("\(entries) entries, ") == true, "\(lines)")
        #expect(lines.last?.hasSuffix(" 1 parts, 3 big") == true, "\(lines)")
        #expect(try await PythonReader.fetchRanges(packed) == ["\(entries) entries fetched"])
    }

    @Test func `archive and index are the same with 1, 2 and 7 workers, and when made again`() async throws {
        var first: [[UInt8]] = []
        for workers in [1, 2, 7, 2] {
            let packed = try await pack([.sampler, .large], workers: workers, place: byHost)
            let files = [try packed.bytes("acme.tar.gz"), try packed.bytes("acme.index.tsv.gz")]
            if first.isEmpty { first = files }
            #expect(files[0] == first[0], "\(workers) workers: the archive differs")
            #expect(files[1] == first[1], "\(workers) workers: the index differs")
        }
    }

    @Test func `what was written is what lies there`() async throws {
        let packed = try await pack([.sampler])
        let written = try #require(packed.written["acme"])
        #expect(try packed.directory.names().sorted() == ["acme.index.tsv.gz", "acme.sha256", "acme.tar.gz"])
        let (archive, index) = (try packed.bytes("acme.tar.gz"), try packed.bytes("acme.index.tsv.gz"))
        let header = written.index.header
        #expect(header.size == Int64(archive.count))
        #expect(header.sha256 == SHA256Hasher.digest(of: archive))
        #expect(written.indexSize == Int64(index.count))
        #expect(written.indexDigest == SHA256Hasher.digest(of: index))
        let contents = StagedHost.sampler.contents.values.reduce(0) { $0 + $1.size }
        #expect(written.contentBytes == contents)
        #expect(header.tool == "coldchain test" && header.job == "siem" && header.run == "2026-11-20")
        #expect(header.tenant == "acme" && header.archive == "acme" && header.digestEntry == "MANIFEST.sha256")
        let read = try ArchiveIndexReader(try packed.index(), of: packed.source()).finish()
        #expect(read.header == header)
        #expect(read.members == written.index.members)
        #expect(read.parts == written.index.parts)
        let check = try await run(["sha256sum", "-c", "acme.sha256"], directory: packed.out)
        #expect(check.output == "acme.tar.gz: OK\nacme.index.tsv.gz: OK\n")
    }

    @Test(arguments: [1, 12]) func `level 1 and 12 hold the same tree`(level: Int) async throws {
        let packed = try await pack([.sampler], compression: Compression(level: level))
        let entries = StagedHost.sampler.rows.count + 1
        #expect(try await PythonReader.check(packed) == ["\(entries) entries, 1 members, 1 parts, 0 big"])
    }

    @Test func `an archive without entries and one of an empty file are whole`() async throws {
        var host = StagedHost()
        host.leave("carried", .carry)
        let none = try await pack([host])
        #expect(none.written.isEmpty, "nothing taken makes no archive")

        let empty = try await onOwnThread {
            let top = try TemporaryDirectory()
            let directory = try Directory.open(top.path)
            let out = try directory.descendCreating(["out"])
            let crew = try CompressorCrew(workers: 1, archives: 1)
            let plan = try ArchivePlan(
                [
                    .init(host: "web1", list: try StagedHost.sampler.list(in: directory)) {
                        (_: ByteString) throws(Fault) in ("acme", "acme")
                    }
                ], compression: { _ in Compression() }, scratch: directory)
            var archive = plan.archives[0]
            archive.restrict(to: [])
            let request = ArchiveWriter.Request(
                name: ArchiveName("acme"), job: "siem", run: runDate, tool: "coldchain test", plan: archive,
                partSize: 16 << 20, spool: plan.spool,
                tree: { (_: String) throws(Fault) in throw Fault(.notFound, "no host") },
                place: { (_: String, key: ByteString) throws(Fault) in ("acme", key) })
            let written = try ArchiveWriter(crew: crew, scratch: directory).write(request, in: out)
            try crew.finish()
            return Packed(top: top, written: ["acme": written])
        }
        #expect(try await PythonReader.check(empty) == ["1 entries, 1 members, 1 parts, 0 big"])

        var one = StagedHost()
        one.file("empty")
        let packed = try await pack([one])
        #expect(try await PythonReader.check(packed) == ["2 entries, 1 members, 1 parts, 0 big"])
        for archive in [empty, packed] {
            let report = try await onOwnThread {
                try ArchiveVerifier(try archive.source()).verify(index: try archive.index())
            }
            #expect(report.contentBytes > 0 || archive.written["acme"]?.index.header.entries == 1)
        }
    }

    @Test func `only what was taken is packed`() async throws {
        var host = StagedHost()
        host.file("taken", [1])
        host.leave("carried", .carry)
        host.leave("skipped", .skip, reason: "permission")
        let packed = try await pack([host])
        #expect(try packed.rows().map(\.entry.key) == ["taken", "MANIFEST.sha256"])
    }

    // MARK: Big and incompressible

    @Test func `parts are cut at the part size`() async throws {
        var host = StagedHost()
        var random = SplitMix64(seed: 22)
        host.file("random", random.bytes(37 << 20))
        let packed = try await pack([host])
        #expect(try await PythonReader.check(packed) == ["2 entries, 11 members, 3 parts, 1 big"])
        let header = try #require(packed.written["acme"]?.index.header)
        #expect(header.partSize == 16 << 20)
        // Stored: 5 bytes for each 64 KiB at the most, and header and trailer of each member.
        #expect(header.size < header.tarSize + header.tarSize / 65_535 * 5 + 11 * 64)
    }

    @Test func `a file with many holes closes its member, wherever the map of its data puts its end`() async throws {
        var host = StagedHost()
        var random = SplitMix64(seed: 23)
        // 400 ranges make a map of some KiB, which an estimate without it would miss: "b" would just fit behind "a", and
        // "d" into one member.
        func sparse(_ key: ByteString, each: Int, last: Int) {
            var pieces: [Int64: [UInt8]] = last > 0 ? [6_700_000 / 512 * 512: random.text(last)] : [:]
            for number in 0..<400 { pieces[Int64(number) << 14] = random.text(each) }
            host.sparseFile(key, size: 7_000_000, pieces)
        }
        host.file("a", random.text(7_780 * 512))
        sparse("b", each: 512, last: 0)
        host.file("c", text: "behind b")
        sparse("d", each: 10_240, last: 182 * 512)
        host.file("e", text: "behind d")
        let packed = try await pack([host])
        let lines = try await PythonReader.check(packed)
        #expect(lines == ["6 entries, 5 members, 1 parts, 1 big"])
        #expect(try await PythonReader.fetchRanges(packed) == ["6 entries fetched"])
    }

    @Test func `a hole of more than 8 GiB is kept as a hole`() async throws {
        let size: Int64 = (8 << 30) + (1 << 20)
        var host = StagedHost()
        host.sparseFile("hole", size: size, [0: Array("start".utf8), size - 3: Array("end".utf8)])
        let staged = host
        let packed = try await pack([staged])
        #expect(try packed.source().size < 4_096)
        let row = try packed.rows()[0]
        #expect(row.entry.size == size)
        let result = try await run(
            [
                "sh", "-c",
                "mkdir gnu && tar xzf acme.tar.gz -C gnu hole && stat -c '%s' gnu/hole && head -c 5 gnu/hole && tail -c 3 gnu/hole && test $(du -k gnu/hole | cut -f1) -lt 1000",
            ],
            directory: packed.out)
        #expect(result.description == "exit status 0\nstdout: \(size)\nstartend\nstderr: ")
        let kept = try await onOwnThread { () -> FileStatus in
            let target = try Directory.open(packed.top.path).descendCreating(["restored"])
            try ArchiveExtractor(try packed.source()).extract(
                [.init(name: "hole", range: row.range, sha256: row.sha256, entry: row.entry, outputs: ["hole"])],
                to: RestoreTarget(target)
            ) { Issue.record("\($0): \($1)") }
            return try target.status("hole")
        }
        #expect(kept.size == size)
        #expect(kept.allocated < 1 << 20)
    }

    // MARK: Several hosts and archives

    @Test func `a hard link whose first name lies in another archive becomes the file`() async throws {
        var host = StagedHost()
        host.file("a/first", text: "shared content", mode: 0o640)
        host.hardLink("a/near", to: "a/first")
        host.hardLink("b/far", to: "a/first")
        host.hardLink("b/farther", to: "a/first")
        host.sparseFile("a/sparse", size: 1 << 20, [4_096: [1, 2, 3]])
        host.hardLink("b/sparse", to: "a/sparse")
        let packed = try await pack(
            [host], place: { _, key in (String(decoding: key.bytes.prefix(1), as: UTF8.self), key) })
        let (a, b) = (try packed.rows("a"), try packed.rows("b"))
        #expect(a.map(\.entry.kind) == [.file, .hardLink, .file, .file])
        #expect(a[1].entry.link == "a/first")
        #expect(b.map(\.entry.kind) == [.file, .file, .file, .file])
        #expect(b.map(\.entry.link) == ["", "", "", ""])
        #expect(b[0].sha256 == a[0].sha256 && b[0].entry.size == 14)
        #expect(try await PythonReader.check(packed, "a") == ["4 entries, 1 members, 1 parts, 0 big"])
        #expect(try await PythonReader.check(packed, "b") == ["4 entries, 1 members, 1 parts, 0 big"])
        let result = try await run(
            [
                "sh", "-c",
                "tar xzf b.tar.gz && cat b/far b/farther && cmp b/sparse a/sparse || tar xzf a.tar.gz && cmp b/sparse a/sparse",
            ], directory: packed.out)
        #expect(result.output == "shared contentshared content")
        #expect(result.status == 0)
    }

    @Test func `hosts lie one after the other and may bring the same directory`() async throws {
        var (one, two) = (StagedHost("one"), StagedHost("two"))
        one.directory("logs/")
        one.file("logs/1", [1])
        two.directory("logs/")
        two.file("logs/2", [2])
        let packed = try await pack([one, two])
        let rows = try packed.rows()
        #expect(rows.map(\.entry.key) == ["logs/", "logs/1", "logs/", "logs/2", "MANIFEST.sha256"])
        #expect(rows.map(\.host) == ["one", "one", "two", "two", ""])
        #expect(rows.map(\.key) == ["logs/", "logs/1", "logs/", "logs/2", ""])
        #expect(try await PythonReader.check(packed) == ["5 entries, 1 members, 1 parts, 0 big"])
    }

    @Test func `two sources on one name are an error that names both`() async throws {
        var (one, two) = (StagedHost("one"), StagedHost("two"))
        one.file("logs/app", [1])
        two.symlink("logs/app", to: "elsewhere")
        let hosts = [one, two]
        let failure = await fault { try await pack(hosts) }
        #expect(failure?.code == .settings)
        #expect(
            failure?.message
                == "'logs/app' would stand twice in archive 'acme': from one's 'logs/app' and from two's 'logs/app'")
        #expect(failure?.hint?.contains("{host}") == true)

        // A file or link of one host, and a directory of its name of the other, which may be no entry itself.
        for isFirst in [true, false] {
            for (number, key) in (["x/a", "x/", "x/deep/b"] as [ByteString]).enumerated() {
                var (file, tree) = (StagedHost(isFirst ? "one" : "two"), StagedHost(isFirst ? "two" : "one"))
                if number == 0 { file.symlink("x", to: "a") } else { file.file("x", [1]) }
                if number == 1 { tree.directory(key) } else { tree.file(key, [2]) }
                let both = isFirst ? [file, tree] : [tree, file]
                let failure = await fault { try await pack(both) }
                #expect(failure?.code == .settings)
                let (first, second): (ByteString, ByteString) = isFirst ? ("x", key) : (key, "x")
                #expect(
                    failure?.message
                        == "'x' would stand as a file and as a directory in archive 'acme': from one's '\(first)' and from two's '\(second)'"
                )
            }
        }
        // Each host in a directory of its own: nothing is in the way.
        var (file, tree) = (StagedHost("one"), StagedHost("two"))
        file.file("x", [1])
        tree.file("x/a", [2])
        let apart = try await pack([file, tree], place: byHost)
        #expect(try apart.rows().count == 3)

        var same = StagedHost("one")
        same.file("a", [1])
        same.file("b", [2])
        let host = same
        let squeezed = await fault { try await pack([host], place: { _, _ in ("acme", "all") }) }
        #expect(squeezed?.message == "'all' would stand twice in archive 'acme': from one's 'a' and from one's 'b'")
    }

    // MARK: Faults

    @Test(arguments: ["web1/etc/hosts", "web1/links/first", "web1/sparse/some"])
    func `staged content that rotted is named with host and both digests`(path: String) async throws {
        let failure = await fault {
            try await pack(
                [.sampler],
                spoil: { staging in
                    let file = try File.open(staging.root.path + "/" + path)
                    var byte: [UInt8] = [0]
                    let offset: Int64 = path.hasSuffix("some") ? 524_288 : 3
                    _ = try byte.withUnsafeMutableBytes { try file.read(into: $0, at: offset) }
                    let components = ByteString(path).components
                    let writable = try staging.root.descend(components.dropLast()).appendFile(
                        components[components.count - 1])
                    let size = try writable.status().size
                    try writable.truncate(to: offset)
                    try writable.write([byte[0] ^ 0x20])
                    try writable.truncate(to: size)
                })
        }
        let key = ByteString(String(path.dropFirst("web1/".count)))
        let collected = try #require(StagedHost.sampler.contents[key]?.sha256)
        #expect(failure?.code == .damaged)
        let message = failure?.message ?? ""
        #expect(message.hasPrefix("web1: '\(key)': the content on staging has SHA-256 "))
        #expect(message.hasSuffix(", collected was \(collected)"))
        let digests = message.split(separator: " ").filter { $0.count >= 64 }
        #expect(digests.count == 2)
        #expect(failure?.hint?.contains("collect siem --run 2026-11-20 --only web1 --force") == true)
    }

    @Test func `staged content that is short or missing is a fault`() async throws {
        let short = await fault {
            try await pack(
                [.sampler],
                spoil: { staging in
                    try staging.root.directory("web1").directory("etc").appendFile("random").truncate(to: 69_999)
                })
        }
        #expect(short?.code == .damaged)
        #expect(short?.message.contains("web1/etc/random: has 69999 bytes on staging, collected were 70000") == true)
        #expect(short?.hint?.contains("--only web1 --force") == true)
        let missing = await fault {
            try await pack(
                [.sampler],
                spoil: { staging in
                    try staging.root.directory("web1").directory("etc").remove("empty")
                })
        }
        #expect(missing?.code == .notFound)
        #expect(missing?.message.contains("web1/etc/empty") == true)
        #expect(missing?.hint == short?.hint)
    }

    @Test func `a failed archive leaves its crew whole`() async throws {
        let crew = try await onOwnThread { try CompressorCrew(workers: 2, archives: 1) }
        var random = SplitMix64(seed: 24)
        var bad = StagedHost()
        // The first member takes long, the next ones are stored at once and wait for it: they are in nobody's hands when
        // the reading fails.
        bad.file("a1", random.text(4_000_000))
        bad.file("a2", random.bytes(4_000_000))
        bad.file("a3", random.bytes(4_000_000))
        // A hole is read for as long as it takes to store them.
        bad.sparseFile("a4", size: 800 << 20, [:])
        bad.file("b", text: "rots")
        let host = bad
        let whole = try await onOwnThread { try freeBlocks(crew) }
        #expect(whole >= 3)
        for round in 0..<3 {
            let failure = await fault {
                try await pack(
                    [host], compression: Compression(level: 12), crew: crew,
                    spoil: { try $0.file("web1/b", text: "rot!") })
            }
            #expect(failure?.code == .damaged, "\(round)")
            let left = try await onOwnThread { try freeBlocks(crew, expected: whole) }
            #expect(left >= whole, "\(round)")
        }
        let level = await fault { try await pack([.sampler], compression: Compression(level: 99), crew: crew) }
        #expect(level?.message.contains("level 99") == true)
        let packed = try await pack([.sampler], crew: crew)
        let entries = StagedHost.sampler.rows.count + 1
        #expect(try await PythonReader.check(packed) == ["\(entries) entries, 1 members, 1 parts, 0 big"])
        let left = try await onOwnThread { try freeBlocks(crew, expected: whole) }
        #expect(left >= whole)
        try await onOwnThread { try crew.finish() }
    }

    @Test func `a disk that takes no more ends the archive, and the next one succeeds`() async {
        await #expect(processExitsWith: .success) { try writeBeyondLimit() }
    }
}

/// Lets the writing of an archive fail again and again; only for a process of its own.
private func writeBeyondLimit() throws {
    // Beyond the limit write(2) gives EFBIG instead of a signal; the archive's file is the only large one.
    signal(SIGXFSZ, SIG_IGN)
    let top = try TemporaryDirectory()
    let crew = try CompressorCrew(workers: 2, archives: 1)
    var random = SplitMix64(seed: 25)
    var host = StagedHost()
    for number in 0..<12 { host.file(ByteString("random \(number)"), random.bytes(5 << 20)) }
    let small = StagedHost.sampler
    let whole = try freeBlocks(crew)
    for round in 0..<4 {
        var failure: Fault?
        do {
            _ = try packBlocking(
                [host], in: top.path + "/\(round)", crew: crew,
                spoil: { _ in setFileSizeLimit(10 << 20) })
        } catch { failure = .wrapping(error) }
        setFileSizeLimit(1 << 40)
        try #require(failure?.message.contains(".tar.gz.partial: file too large") == true)
        let left = try Directory.open(top.path + "/\(round)/out").names()
        try #require(left == [])
        let free = try freeBlocks(crew, expected: whole)
        try #require(free >= whole)
        _ = try packBlocking([small], in: top.path + "/\(round)/small", crew: crew)
    }
    try crew.finish()
}

/// How many blocks a crew has to give: `expected` once they are back, which may take as long as one is compressed.
private func freeBlocks(_ crew: CompressorCrew, expected: Int = 0) throws -> Int {
    let pool = crew.pool
    let taken = Monitor([Handed<Block>]())
    let isDone = Counter()
    let threads = ThreadCrew()
    try threads.start("taker") {
        while isDone.value == 0, let block = pool.take() { taken.with { $0.append(block) } }
    }
    // Without an expectation the crew is at rest: whoever waits for half a second waits for good.
    let end = Clock.monotonic() + 60
    var count = -1
    while taken.with({ $0.count }) != count || (count < expected && Clock.monotonic() < end) {
        count = taken.with { $0.count }
        usleep(expected > 0 ? 10_000 : 500_000)
    }
    isDone.add(1)
    if let block = taken.with({ $0.popLast() }) { pool.give(block) }
    try threads.join()
    for block in taken.with({ $0 }) { pool.give(block) }
    return count
}

private func setFileSizeLimit(_ bytes: UInt) {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
    limit.rlim_cur = rlim_t(bytes)
    setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
}
