import Codec
import Glibc
import Ledger
import Platform
import TestSupport
import Testing

@testable import Archive

struct TarTests {
    private final class Bytes {
        var all: [UInt8] = []
        var limit = Int.max
    }

    private func entry(_ size: Int64 = 0) -> Entry {
        Entry(key: "a", kind: .file, size: size, modified: StagedHost.moment, mode: 0o644, uid: 0, gid: 0)
    }

    private func writer(_ bytes: Bytes) throws -> TarWriter {
        try TarWriter { (piece: UnsafeRawBufferPointer) throws(Fault) in
            guard bytes.all.count + piece.count <= bytes.limit else { throw Fault(.noSpace, "full") }
            bytes.all += piece
        }
    }

    @Test func `an abandoned tar is not sealed`() throws {
        let bytes = Bytes()
        do {
            let tar = try writer(bytes)
            try tar.begin("a", entry(4), link: "", sparse: nil)
            let some: [UInt8] = [1, 2]
            try some.withUnsafeBytes { try tar.write($0) }
        }
        // Headers and two bytes: nothing was added when it was given up.
        #expect(bytes.all.count == 3 * 512 + 2)
        #expect(bytes.all.suffix(2) == [1, 2])
    }

    @Test func `a fault of whoever takes the bytes comes through`() throws {
        for limit in [0, 600, 1_536, 1_540] {
            let bytes = Bytes()
            bytes.limit = limit
            let failure = #expect(throws: Fault.self) {
                let tar = try writer(bytes)
                try tar.begin("a", entry(1_000), link: "", sparse: nil)
                try [UInt8](repeating: 1, count: 1_000).withUnsafeBytes { try tar.write($0) }
                try tar.end()
                try tar.finish()
            }
            #expect(failure?.message == "full", "\(limit)")
        }
    }

    @Test func `where headers begin is told`() throws {
        let bytes = Bytes()
        let tar = try writer(bytes)
        var starts: [Int64] = []
        for size in [0, 1, 512, 513] as [Int64] {
            starts.append(Int64(bytes.all.count))
            try tar.begin(ByteString("f\(size)"), entry(size), link: "", sparse: nil)
            try [UInt8](repeating: 1, count: Int(size)).withUnsafeBytes { try tar.write($0) }
            try tar.end()
        }
        starts.append(Int64(bytes.all.count))
        try tar.finish()
        let packed = BytesSource(try gzipped(bytes.all), name: "tar")
        for readsContent in [false, true] {
            let reader = try TarReader(MemberReader.gzip(packed))
            var found: [Int64] = []
            while try reader.next() != nil {
                found.append(reader.headerPosition)
                if readsContent { try reader.readContent { _, _ in } }
            }
            found.append(reader.headerPosition)
            #expect(found == starts)
        }
    }

    @Test func `a lack of memory long ago does not fail a name that is not converted`() throws {
        let bytes = Bytes()
        let tar = try writer(bytes)
        let odd = ByteString(bytes: [0x61, 0xFF, 0xFE])
        errno = ENOMEM
        try tar.begin(odd, entry(), link: "", sparse: nil)
        try tar.end()
        var link = entry()
        link.kind = .symlink
        errno = ENOMEM
        try tar.begin("link", link, link: odd, sparse: nil)
        try tar.end()
        link.kind = .hardLink
        try tar.begin("grüße", link, link: "größe", sparse: nil)
        try tar.end()
        try tar.finish()
        let reader = try TarReader(MemberReader.gzip(BytesSource(try gzipped(bytes.all), name: "tar")))
        errno = ENOMEM
        let first = try reader.next()
        errno = ENOMEM
        let second = try reader.next()
        errno = ENOMEM
        let third = try reader.next()
        #expect(first?.key == odd && second?.link == odd)
        #expect(third?.key == "grüße" && third?.link == "größe")
    }

    @Test(arguments: [
        Array("not a tar at all, and long enough to be looked at".utf8), Array(repeating: 0x41, count: 2_000),
    ])
    func `what is no tar is damaged`(bytes: [UInt8]) throws {
        let packed = BytesSource(try gzipped(bytes), name: "tar")
        let failure = #expect(throws: Fault.self) {
            let reader = try TarReader(MemberReader.gzip(packed))
            while try reader.next() != nil {}
        }
        #expect(failure?.code == .damaged)
        #expect(failure?.message.hasPrefix("tar: ") == true)
    }

    @Test(arguments: [
        (Timestamp(seconds: -2, nanoseconds: 500_000_000), Timestamp(seconds: -2)),
        (Timestamp(seconds: -1, nanoseconds: 1), Timestamp(seconds: -1)),
        (Timestamp(seconds: -86_400), Timestamp(seconds: -86_400)),
        (Timestamp(seconds: 0, nanoseconds: 5), Timestamp(seconds: 0, nanoseconds: 5)),
    ])
    func `before 1970 a time is written in whole seconds`(moment: Timestamp, kept: Timestamp) {
        #expect(TarWriter.kept(moment) == kept)
    }

    @Test func `an owner beyond 32 bits is told, and stays as it is`() async throws {
        try await withTemporaryDirectory { path in
            let script = """
                import io, sys, tarfile
                for name, kind, headers, owner in [
                    ('pax', tarfile.PAX_FORMAT, {'uid': '4294967297', 'gid': '4294967296'}, 0),
                    ('gnu', tarfile.GNU_FORMAT, {}, 4294967297),
                    ('good', tarfile.GNU_FORMAT, {}, 4294967294),
                ]:
                    with tarfile.open(sys.argv[1] + '/' + name, 'w:gz', format=kind) as tar:
                        info = tarfile.TarInfo('file')
                        info.uid, info.gid, info.pax_headers = owner, owner, headers
                        tar.addfile(info, io.BytesIO())
                """
            let made = try await run(["python3", "-c", script, path])
            try #require(made.status == 0, "\(made)")
            let directory = try Directory.open(path)
            for (name, owner) in [("pax", UInt32.max), ("gnu", .max), ("good", 4_294_967_294)] as [(ByteString, UInt32)]
            {
                let source = try FileSource(directory.openFile(name))
                var warnings: [String] = []
                let reader = try TarReader(MemberReader.gzip(source)) { warnings.append($0) }
                let found = try reader.next()
                #expect(found?.uid == owner && found?.gid == owner, "\(name)")
                let words = warnings.filter { $0.hasPrefix("'file': its ") && $0.contains("is beyond 4294967295") }
                #expect(words.count == warnings.count && words.count == (name == "good" ? 0 : 2), "\(warnings)")
                let restore = RestoreTarget(try directory.descendCreating([name + ".out"]))
                var told: [String] = []
                try ArchiveExtractor(source).extractAll(
                    to: restore, failed: { told.append("\($0): \($1)") }, leftOut: { told.append($0) })
                #expect(told == warnings && restore.restored == 1)
                let status = try directory.directory(name + ".out").status("file")
                if name != "good" { #expect(status.uid == geteuid()) }
            }
        }
    }

    @Test func `a file or link is told where a directory of its name is, wherever both come`() {
        let cases: [([(ByteString, Bool)], [ArchiveNames.Taken])] = [
            ([("x", false), ("x/a", false)], [.file("x")]),
            ([("x/a", false), ("x", false)], [.directory("x")]),
            ([("x", false), ("x/", true)], [.file("x")]),
            ([("x/", true), ("x", false)], [.directory("x")]),
            ([("a/x", false), ("a/x/b/c/", true)], [.file("a/x")]),
            ([("a/x/b/c", false), ("a/z", false), ("a/x", false)], [.directory("a/x")]),
            ([("a/x/b/c", false), ("a/x/b/d", false), ("a/x/b", false)], [.directory("a/x/b")]),
            ([("x", false), ("x", false)], [.same("x")]),
            ([("x/", true), ("x/a", false), ("x/", true), ("x/b", false)], []),
            ([("x", false), ("xy", false), ("x.d/", true), ("x.d/x", false), ("y/x", false)], []),
        ]
        for (names, expected) in cases {
            var set = ArchiveNames()
            let taken = names.flatMap { set.add($0.0, isDirectory: $0.1) }
            #expect(taken == expected, "\(names)")
        }
    }

    @Test func `names that share a table stay apart`() {
        var names = NameSet()
        var again = 0
        for number in 0..<20_000 where names.insert(ByteString("name \(number)")) { again += 1 }
        #expect(again == 0)
        for number in stride(from: 0, to: 20_000, by: 7) {
            let isKnown = names.insert(ByteString("name \(number)"))
            #expect(isKnown)
        }
        #expect(NameSet.hash("a") != NameSet.hash("b") && NameSet.hash("") != 0)
    }
}

struct ArchivePlanTests {
    @Test func `entries are grouped by archive, with the hosts in order and their first keys`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            var (one, two) = (StagedHost("one"), StagedHost("two"))
            one.file("a/1", [1, 2, 3])
            one.file("b/1", Array(repeating: 0, count: 600))
            one.file("a/2")
            one.leave("a/3", .skip, reason: "fifo")
            two.file("b/2", [1])
            two.directory("c/")
            let sources = try [one, two].map { host in
                ArchivePlan.Source(host: host.name, list: try host.list(in: directory)) {
                    (key: ByteString) throws(Fault) in
                    (String(decoding: key.bytes.prefix(1), as: UTF8.self), "tenant")
                }
            }
            let plan = try ArchivePlan(
                sources, compression: { Compression(level: $0 == "tenant" ? 9 : 1) }, scratch: directory)
            #expect(plan.archives.map(\.name) == ["a", "b", "c"])
            #expect(plan.archives.map(\.entries) == [2, 2, 1])
            #expect(plan.archives.map(\.bytes) == [3, 601, 0])
            #expect(plan.archives.map(\.compression.level) == [9, 9, 9])
            let hosts = plan.archives.map { $0.shares.map(\.host) }
            #expect(hosts == [["one"], ["one", "two"], ["two"]])
            #expect(plan.archives[1].shares.map(\.firstKey) == ["b/1", "b/2"])
            // Two entries that lie side by side in the spool are one range.
            #expect(plan.archives[0].shares[0].ranges.count == 1)
            var kept = plan.archives[1]
            kept.restrict(to: [kept.shares[1]])
            #expect(kept.entries == 1 && kept.bytes == 601)
            let reader = plan.spool.rows(kept.shares[0].ranges)
            #expect(try reader.next()?.entry.key == "b/2")
            #expect(try reader.next() == nil)
        }
    }

    @Test func `an entry without a place stops the plan`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            let source = ArchivePlan.Source(host: "web1", list: try StagedHost.sampler.list(in: directory)) {
                (key: ByteString) throws(Fault) in throw Fault(.settings, "no place for \(key)")
            }
            let failure = #expect(throws: Fault.self) {
                try ArchivePlan([source], compression: { _ in Compression() }, scratch: directory)
            }
            #expect(failure?.code == .settings)
        }
    }
}
