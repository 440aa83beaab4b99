import Archive
import Codec
import Glibc
import Ledger
import Platform
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct ArchiveExtractorTests {
    /// What a restore did.
    private struct Restored: Sendable {
        var tree: FileTree
        var restored: Int64
        var kept: Int64
        var bytes: Int64
        var skipped: [String] = []
        /// What could not be restored, and why.
        var failed: [Failed] = []
    }

    private struct Failed: Sendable {
        var output: ByteString
        var fault: Fault
    }

    /// What is wanted, by the rows that `selects` takes: a hard link gets its content from its first name.
    private func wanted(_ packed: Packed, _ selects: (ByteString) -> Bool) throws -> [ArchiveExtractor.Wanted] {
        let rows = try packed.rows()
        return rows.filter { $0.entry.kind != .hardLink }.compactMap { row in
            let links = rows.filter {
                $0.entry.kind == .hardLink && $0.entry.link == row.entry.key && selects($0.entry.key)
            }
            let outputs = (selects(row.entry.key) ? [row.entry.key] : []) + links.map(\.entry.key)
            if outputs.isEmpty { return nil }
            return .init(name: row.entry.key, range: row.range, sha256: row.sha256, entry: row.entry, outputs: outputs)
        }
    }

    private func only(_ packed: Packed, _ key: ByteString) throws -> ArchiveExtractor.Wanted {
        let one = try wanted(packed) { $0 == key }
        return try #require(one.first)
    }

    private func extract(
        _ packed: Packed, _ wanted: [ArchiveExtractor.Wanted], into name: ByteString = "new", overwrites: Bool = false,
        from given: BytesSource? = nil
    ) async throws -> Restored {
        try await onOwnThread {
            let directory = try Directory.open(packed.top.path).descendCreating([name])
            let target = RestoreTarget(directory, overwrites: overwrites)
            var failed: [Failed] = []
            let source: any RangedSource = if let given { given } else { try packed.source() }
            try ArchiveExtractor(source).extract(wanted, to: target) {
                failed.append(Failed(output: $0, fault: $1))
            }
            try target.finish()
            return Restored(
                tree: try FileTree(directory.path), restored: target.restored, kept: target.kept, bytes: target.bytes,
                failed: failed)
        }
    }

    private func extractAll(
        _ packed: Packed, into name: ByteString = "all", overwrites: Bool = false
    ) async throws -> Restored {
        try await onOwnThread {
            let directory = try Directory.open(packed.top.path).descendCreating([name])
            let target = RestoreTarget(directory, overwrites: overwrites)
            var skipped: [String] = []
            var failed: [Failed] = []
            try ArchiveExtractor(packed.source()).extractAll(
                to: target, failed: { failed.append(Failed(output: $0, fault: $1)) }, leftOut: { skipped.append($0) })
            try target.finish()
            return Restored(
                tree: try FileTree(directory.path), restored: target.restored, kept: target.kept, bytes: target.bytes,
                skipped: skipped, failed: failed)
        }
    }

    private func expected(_ host: StagedHost, _ packed: Packed) async throws -> FileTree {
        try await onOwnThread {
            try host.make(packed.top.path + "/expected")
            return try FileTree(packed.top.path + "/expected")
        }
    }

    private static let everything: FileTree.Aspects = [.faithful, .holes]

    @Test(.enabled(if: geteuid() == 0, "owners need root"))
    func `all comes back as it was, without an index`() async throws {
        let packed = try await pack([.sampler])
        let restored = try await extractAll(packed)
        let expected = try await expected(.sampler, packed)
        #expect(expected.differences(to: restored.tree.without("MANIFEST.sha256"), Self.everything) == [])
        #expect(restored.skipped == [] && restored.kept == 0)
        #expect(restored.restored == Int64(StagedHost.sampler.rows.count + 1))
    }

    @Test(.enabled(if: geteuid() == 0, "owners need root"))
    func `all comes back by ranges, and a second time nothing is made anew`() async throws {
        let packed = try await pack([.sampler])
        let all = try wanted(packed) { $0 != "MANIFEST.sha256" }
        let first = try await extract(packed, all)
        let expected = try await expected(.sampler, packed)
        #expect(expected.differences(to: first.tree, Self.everything) == [])
        #expect(first.restored == Int64(StagedHost.sampler.rows.count) && first.kept == 0 && first.failed.isEmpty)
        for overwrites in [false, true] {
            let again = try await extract(packed, all, overwrites: overwrites)
            #expect(again.restored == 0)
            #expect(again.kept == Int64(StagedHost.sampler.rows.count))
            #expect(again.bytes == first.bytes)
            #expect(expected.differences(to: again.tree, Self.everything) == [])
        }
        let whole = try await extractAll(packed, into: "new")
        #expect(whole.restored == 1, "the list of digests")
    }

    @Test(
        .enabled(if: geteuid() == 0, "owners need root"),
        arguments: [
            (["etc/hosts"], ["etc", "etc/hosts"]),
            (["etc/hosts", "names/-rf"], ["etc", "etc/hosts", "names", "names/-rf"]),
            (["links/second"], ["links", "links/second"]),
            (["links/second", "links/third\n"], ["links", "links/second", "links/third\n"]),
            (["links/first", "links/second"], ["links", "links/first", "links/second"]),
            (["etc/empty directory/"], ["etc", "etc/empty directory"]),
            (["links/dangling"], ["links", "links/dangling"]),
            (["sparse/hole"], ["sparse", "sparse/hole"]), ([], []),
        ] as [([ByteString], [ByteString])])
    func `paths come back alone`(keys: [ByteString], paths: [ByteString]) async throws {
        let packed = try await pack([.sampler])
        let some = try wanted(packed) { keys.contains($0) }
        let restored = try await extract(packed, some)
        #expect(restored.tree.paths == paths.sorted())
        #expect(restored.restored == Int64(keys.count))
        let expected = try await expected(.sampler, packed)
        for key in keys {
            let path = ByteString(key.components.map(\.bytes).joined(separator: [UInt8(ascii: "/")]))
            let (old, new) = (try #require(expected.entries[path]), try #require(restored.tree.entries[path]))
            #expect(old.sha256 == new.sha256 && old.size == new.size && old.mode == new.mode)
            #expect(old.modified == new.modified && old.target == new.target && old.uid == new.uid)
        }
        if keys.count == 2 && keys[0].hasPrefix("links/") {
            #expect(restored.tree.entries[keys[1]]?.linkedTo == keys[0])
        }
    }

    @Test func `one of a big archive comes back from its members alone`() async throws {
        let packed = try await pack([.large])
        let size = try packed.source().size
        for (key, most) in [("a/small 07", 5 << 20), ("b/small behind", 5 << 20), ("b/big", 14 << 20)]
            as [(ByteString, Int64)]
        {
            let one = try wanted(packed) { $0 == key }
            let range = try #require(one.first?.range)
            #expect(range.upperBound - range.lowerBound < min(most, size / 2))
            let read = Counter()
            let content = try await onOwnThread {
                let target = RestoreTarget(try Directory.open(packed.top.path).descendCreating(["one"]))
                let source = CountingSource(try packed.source(), range, read)
                try ArchiveExtractor(source).extract(one, to: target) { Issue.record("\($0): \($1)") }
                let leaf = key.components[1]
                let file = try Directory.open(packed.top.path + "/one").directory(key.components[0]).openFile(leaf)
                return try SHA256Hasher.digest(of: FileSource(file))
            }
            #expect(content == StagedHost.large.contents[key]?.sha256)
            #expect(read.value > 0 && read.value <= range.upperBound - range.lowerBound)
        }
    }

    @Test func `the threads that inflated a range have been joined when it has been read`() async throws {
        let packed = try await pack([.large])
        let one = try wanted(packed) { $0 == "b/big" }
        let grown = try await onOwnThread {
            let before = try mappedRegions()
            for number in 0..<10 {
                let target = RestoreTarget(
                    try Directory.open(packed.top.path).descendCreating([ByteString("again \(number)")]))
                try ArchiveExtractor(try packed.source(), index: try packed.index(), workers: 64)
                    .extract(one, to: target) { Issue.record("\($0): \($1)") }
            }
            return try mappedRegions() - before
        }
        // Of 650 threads each that nobody joins would keep two; those of other tests come and go.
        #expect(grown < 600)
    }

    @Test(arguments: ["etc/hosts", "etc/empty", "sparse/some", "sparse/hole", "sparse/data at end"] as [ByteString])
    func `content is sent whole, with its holes as zeros`(key: ByteString) async throws {
        let packed = try await pack([.sampler])
        let one = try only(packed, key)
        let (size, digest) = try await onOwnThread {
            var hasher = SHA256Hasher()
            var size: Int64 = 0
            try ArchiveExtractor(packed.source()).content(of: one) { (bytes: UnsafeRawBufferPointer) throws(Fault) in
                hasher.update(bytes)
                size += Int64(bytes.count)
            }
            return (size, hasher.finish())
        }
        #expect(size == one.entry.size)
        #expect(digest == one.sha256)
        for change in ["digest", "size", "name"] {
            var other = one
            if change == "digest" { other.sha256 = SHA256Hasher.digest(of: [1, 2, 3]) }
            if change == "size" { other.entry.size += 1 }
            if change == "name" { other.name = "etc/other" }
            let wrong = other
            let failure = try await fault { try ArchiveExtractor(packed.source()).content(of: wrong) { _ in } }
            #expect(failure?.code == .damaged, "\(change)")
        }
    }

    @Test func `what is not where the index says is refused, and nothing is left`() async throws {
        let packed = try await pack([.sampler])
        let one = try only(packed, "etc/hosts")
        var (name, digest, size, range) = (one, one, one, one)
        name.name = "etc/guests"
        digest.sha256 = SHA256Hasher.digest(of: [])
        size.entry.size = 1 << 62
        range.range = one.range.lowerBound + 1..<one.range.upperBound
        for (what, wrong) in [("name", name), ("digest", digest), ("size", size), ("range", range)] {
            let failed = try await extract(packed, [wrong], into: ByteString(what)).failed
            #expect(failed.map(\.fault.code) == [.damaged], "\(what)")
            let left = try FileTree(packed.top.path + "/" + what).entries.values.filter { $0.kind != .directory }
            #expect(left.isEmpty, "\(what)")
        }
        let twice = try await extract(packed, [one, one])
        #expect(twice.failed.first?.fault.message.contains("'etc/hosts' is listed twice") == true)
        #expect(twice.restored == 1)
    }

    @Test func `by the index of another archive no file comes out`() async throws {
        let packed = try await pack([.sampler])
        var host = StagedHost()
        host.file("other", [1])
        let other = try await pack([host])
        for (number, (archive, index)) in [(packed, other), (other, packed)].enumerated() {
            let all = try wanted(index) { _ in true }
            let restored = try await extract(archive, all, into: ByteString("wrong \(number)"))
            let files = restored.tree.paths.filter { restored.tree.entries[$0]?.kind == .file }
            #expect(files == [])
            #expect(restored.failed.allSatisfy { $0.fault.code == .damaged || $0.fault.code == .changed })
            let names = all.filter { $0.entry.kind == .file }.flatMap(\.outputs)
            #expect(Set(restored.failed.map(\.output)) == Set(names) && restored.failed.count == names.count)
        }
    }

    // MARK: Damage

    /// Two small members, a large file in three of them, a small one behind it.
    private static let members: StagedHost = {
        var host = StagedHost()
        var random = SplitMix64(seed: 24)
        host.directory("a/", mode: 0o750)
        host.file("a/1", random.bytes(3 << 20))
        host.hardLink("a/2", to: "a/1")
        host.file("b", random.bytes(3 << 20))
        host.file("c", random.bytes(9 << 20))
        host.file("d", text: "behind the large one\n")
        host.symlink("e", to: "d")
        host.file("f", random.bytes(3 << 20))
        host.file("g", text: "at the end\n")
        return host
    }()

    /// Where bytes of an entry's member are damaged, and what does not come back then: behind its beginning nothing of it
    /// can be inflated, while a byte of stored content spoils that alone.
    @Test(
        arguments: [
            ("a/1", 20, ["a/1", "a/2"]), ("b", 20, ["b"]), ("c", 20, ["c"]), ("c", 5 << 20, ["c"]),
            ("d", 20, ["d", "f", "g"]), ("f", 1 << 20, ["f"]),
        ] as [(ByteString, Int, [ByteString])])
    func `a damaged member keeps back what lies in it alone`(key: ByteString, at: Int, lost: [ByteString]) async throws
    {
        let packed = try await pack([Self.members])
        let all = try wanted(packed) { $0 != "MANIFEST.sha256" }
        let damaged = try only(packed, key)
        var bytes = try packed.bytes("acme.tar.gz")
        for place in at..<(at + 40) { bytes[Int(damaged.range.lowerBound) + place] ^= 0xFF }
        let restored = try await extract(packed, all, from: BytesSource(bytes, name: "acme.tar.gz"))
        #expect(restored.failed.map(\.output).sorted() == lost)
        let isTold = restored.failed.allSatisfy { $0.fault.code == .damaged }
        #expect(isTold, "\(restored.failed)")
        #expect(restored.restored == Int64(Self.members.rows.count - lost.count))
        var expected = try await expected(Self.members, packed)
        for key in lost { expected.entries[key] = nil }
        #expect(expected.differences(to: restored.tree, .faithful.subtracting(.hardLinks)) == [])
    }

    @Test func `an archive that is cut off gives what is there`() async throws {
        let packed = try await pack([Self.members])
        let all = try wanted(packed) { $0 != "MANIFEST.sha256" }
        let bytes = try packed.bytes("acme.tar.gz")
        let large = try only(packed, "c").range
        let cut = Array(bytes[..<Int(large.upperBound - 4_096)])
        let restored = try await extract(packed, all, from: BytesSource(cut, name: "acme.tar.gz"))
        #expect(restored.failed.map(\.output).sorted() == ["c", "d", "f", "g"])
        #expect(restored.tree.paths == ["a", "a/1", "a/2", "b", "e"])
    }

    @Test func `a file in the way keeps back itself alone, and its other names get the content`() async throws {
        let packed = try await pack([Self.members])
        let all = try wanted(packed) { $0 != "MANIFEST.sha256" }
        let tree = try TreeBuilder(packed.top.path + "/new")
        try tree.file("a/1", text: "mine")
        try tree.file("e", text: "mine")
        try tree.file("d/below", text: "mine")
        let restored = try await extract(packed, all)
        #expect(restored.failed.map(\.output).sorted() == ["a/1", "d", "e"])
        let codes = restored.failed.map(\.fault.code)
        #expect(codes == [.exists, .exists, .exists])
        #expect(restored.tree.entries["a/1"]?.size == 4 && restored.tree.entries["d"]?.kind == .directory)
        let content = try await onOwnThread {
            try SHA256Hasher.digest(of: FileSource(tree.root.directory("a").openFile("2")))
        }
        #expect(content == Self.members.contents["a/1"]?.sha256)
        // Nothing but what was restored is counted, and a second time all of it is there.
        let count = Int64(Self.members.rows.count - 3)
        #expect(restored.restored == count - 1 && restored.kept == 1, "the directory was there")
        let again = try await extract(packed, all)
        #expect(again.restored == 0 && again.kept == count)
    }

    @Test func `a further name that is there as a file of its own is kept`() async throws {
        let packed = try await pack([Self.members])
        let one = try wanted(packed) { $0 == "a/2" }
        _ = try await extract(packed, one)
        let both = try wanted(packed) { $0 == "a/1" || $0 == "a/2" }
        let restored = try await extract(packed, both)
        #expect(restored.failed.isEmpty && restored.restored == 1 && restored.kept == 1)
    }

    // MARK: What is there already

    @Test func `another content is refused, and replaced when that is asked for`() async throws {
        let packed = try await pack([.sampler])
        for (number, (key, make)) in Self.obstacles.enumerated() {
            let one = try wanted(packed) { $0 == key }
            let name = ByteString("over \(number)")
            let tree = try TreeBuilder(packed.top.path + "/" + name.description)
            try make(tree)
            let before = try FileTree(tree.root.path)
            let refused = try await extract(packed, one, into: name).failed
            #expect(refused.map(\.fault.code) == [.exists], "\(key)")
            #expect(refused.first?.fault.hint?.contains("--force") == true)
            let after = try FileTree(tree.root.path)
            #expect(
                before.differences(to: after, [.mode, .owner, .fileTimes, .linkTimes]) == [], "something has changed")
            let restored = try await extract(packed, one, into: name, overwrites: true)
            #expect(restored.restored == 1)
            let again = try await extract(packed, one, into: name)
            #expect(again.kept == 1 && again.restored == 0, "\(key)")
        }
    }

    private static let obstacles: [(ByteString, @Sendable (TreeBuilder) throws -> Void)] = [
        ("etc/hosts", { try $0.file("etc/hosts", text: "127.0.0.1 localhosT\n") }),
        ("etc/hosts", { try $0.file("etc/hosts", text: "shorter") }),
        ("etc/hosts", { try $0.symlink("etc/hosts", to: "elsewhere") }),
        ("etc/hosts", { try $0.fifo("etc/hosts") }),
        ("etc/empty", { try $0.file("etc/empty", [1]) }),
        ("links/relative", { try $0.symlink("links/relative", to: "elsewhere") }),
        ("links/relative", { try $0.file("links/relative") }),
        ("etc/sticky/", { try $0.file("etc/sticky") }),
        ("etc/sticky/", { try $0.symlink("etc/sticky", to: "/tmp") }),
    ]

    @Test func `a directory is never replaced by a file`() async throws {
        let packed = try await pack([.sampler])
        let one = try wanted(packed) { $0 == "etc/hosts" }
        let tree = try TreeBuilder(packed.top.path + "/new")
        try tree.file("etc/hosts/precious", [1])
        for overwrites in [false, true] {
            let refused = try await extract(packed, one, overwrites: overwrites).failed
            #expect(refused.map(\.output) == ["etc/hosts"])
            #expect(try FileTree(tree.root.path).paths == ["etc", "etc/hosts", "etc/hosts/precious"])
        }
    }

    @Test func `a hard link beside another file of its name is refused, and made anew when that is asked for`()
        async throws
    {
        let packed = try await pack([.sampler])
        let both = try wanted(packed) { $0 == "links/first" || $0 == "links/second" }
        try TreeBuilder(packed.top.path + "/new").file("links/second", text: "other")
        let refused = try await extract(packed, both)
        #expect(refused.failed.map(\.output) == ["links/second"] && refused.failed.first?.fault.code == .exists)
        #expect(refused.restored == 1)
        let restored = try await extract(packed, both, overwrites: true)
        #expect(restored.tree.entries["links/second"]?.linkedTo == "links/first")
    }

    @Test func `an entry with the name of a temporary file is kept`() async throws {
        var host = StagedHost()
        host.file(".x.partial", text: "somebody's own file")
        host.file("x", text: "the file beside it")
        host.hardLink(".y.partial", to: ".x.partial")
        host.file("y", text: "another")
        let packed = try await pack([host])
        let all = try wanted(packed) { $0 != "MANIFEST.sha256" }
        let ranged = try await extract(packed, all)
        let whole = try await extractAll(packed)
        let expected = try await expected(host, packed)
        #expect(expected.differences(to: ranged.tree, .hardLinks) == [])
        #expect(expected.differences(to: whole.tree.without("MANIFEST.sha256"), .hardLinks) == [])
    }

    // MARK: Tars that mean harm

    /// Makes tars with Python's tarfile; each tries to reach `outside`, beside the target.
    private static let evil = #"""
        import io, os, sys, tarfile
        top = sys.argv[1]
        outside = os.path.join(top, 'outside')
        def member(name, kind=tarfile.REGTYPE, link='', data=b'', mode=0o644, dev=(0, 0)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size, info.mode = kind, link, len(data), mode
            info.devmajor, info.devminor = dev
            return info, data
        S, L, D = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
        evil = {
            'dotdot': [member('../outside/made', data=b'evil')],
            'dotdot deep': [member('a/../../outside/made', data=b'evil')],
            'dotdot directory': [member('../outside/made', D)],
            'dotdot symlink': [member('../outside/made', S, 'x')],
            'absolute': [member(outside + '/made', data=b'evil')],
            'absolute directory': [member(outside + '/made', D, mode=0o777)],
            'link then file': [member('link', S, outside), member('link/made', data=b'evil')],
            'link then directory': [member('link', S, outside), member('link/', D, mode=0o777), member('link/made', D)],
            'link then write': [member('link', S, outside + '/secret'), member('link', data=b'evil')],
            'relative link then file': [member('a/link', S, '../../outside'), member('a/link/made', data=b'evil')],
            'chain of links': [member('one', S, '.'), member('two', S, 'one/../../outside'), member('two/made', data=b'evil')],
            'link in the middle': [member('a/b', S, outside), member('a/b/c/made', data=b'evil')],
            'hard link outside': [member('mine', L, '../outside/secret'), member('mine', data=b'evil')],
            'hard link absolute': [member('mine', L, outside + '/secret')],
            'hard link through link': [member('link', S, outside), member('mine', L, 'link/secret')],
            'hard link to link': [member('link', S, outside + '/secret'), member('mine', L, 'link'), member('mine', data=b'evil')],
            'hard link to directory': [member('d/', D), member('mine', L, 'd')],
            'hard link to nothing': [member('mine', L, 'nothing')],
            'symlink then hard link then file': [member('s', S, outside), member('h', L, 's'), member('h/made', data=b'evil')],
            'directory then link': [member('d/', D), member('d', S, outside), member('d/made', data=b'evil')],
            'file then below': [member('f', data=b'x'), member('f/made', data=b'evil')],
            'empty name': [member('', data=b'evil')],
            'dot': [member('.', data=b'evil')],
            'slash': [member('/', data=b'evil')],
            'character device': [member('null', tarfile.CHRTYPE, dev=(1, 3))],
            'block device': [member('disk', tarfile.BLKTYPE, dev=(8, 0))],
            'fifo': [member('fifo', tarfile.FIFOTYPE)],
            'device then file': [member('null', tarfile.CHRTYPE, dev=(1, 3)), member('null', data=b'written')],
            'directory is dot': [member('./', D, mode=0o777)],
            'temporary link': [member('.x.partial', S, outside + '/secret'), member('x', data=b'evil')],
            'temporary hard link': [member('keep', data=b'kept'), member('.x.partial', L, 'keep'), member('x', data=b'evil')],
        }
        for name, members in evil.items():
            with tarfile.open(os.path.join(top, name + '.tar.gz'), 'w:gz', format=tarfile.PAX_FORMAT) as tar:
                for info, data in members:
                    # An ordinary user has to look into what comes of it.
                    if info.isdir(): info.mode = 0o755
                    tar.addfile(info, io.BytesIO(data))
        print(len(evil))
        """#

    @Test(arguments: [false, true]) func `no tar reaches outside of the target`(overwrites: Bool) async throws {
        let top = try TemporaryDirectory()
        let tree = try TreeBuilder(top.path)
        let made = try await run(["python3", "-c", Self.evil, top.path])
        #expect(made.output == "31\n", "\(made)")
        let names = try tree.root.names().map(\.description).filter { $0.hasSuffix(".tar.gz") }.sorted()
        #expect(names.count == 31)
        var outcomes: [String: String] = [:]
        for name in names {
            try tree.file("outside/secret", text: "secret", mode: 0o600)
            try tree.directory("outside", mode: 0o700, modified: Timestamp(seconds: 1_000))
            let before = try FileTree(top.path + "/outside")
            let status = try tree.root.status("outside")
            let (failure, skipped, found) = try await onOwnThread {
                let target = try Directory.open(top.path).descendCreating(["target"])
                let restore = RestoreTarget(target, overwrites: overwrites)
                var skipped: [String] = []
                var failure: Fault?
                do {
                    let source = try FileSource(try Directory.open(top.path).openFile(ByteString(name)))
                    try ArchiveExtractor(source).extractAll(
                        to: restore, failed: { _, fault in failure = failure ?? fault }, leftOut: { skipped.append($0) }
                    )
                    try restore.finish()
                } catch { failure = .wrapping(error) }
                return (failure, skipped, try FileTree(target.path))
            }
            let outside = try FileTree(top.path + "/outside")
            #expect(before.differences(to: outside) == [], "\(name)")
            let after = try tree.root.status("outside")
            #expect(after.mode == status.mode && after.modified == status.modified, "\(name)")
            for (path, entry) in found.entries {
                #expect(entry.kind != .character && entry.kind != .block && entry.kind != .fifo, "\(name): \(path)")
                #expect(
                    !path.hasPrefix(".restore") && entry.linkedTo == nil || name.hasPrefix("temporary"),
                    "\(name): \(path)")
            }
            let files = found.paths.filter { found.entries[$0]?.kind != .directory }.map(\.description)
            let short = files.map { $0.hasSuffix("outside/made") ? "(below the target)" : $0 }
            outcomes[String(name.dropLast(7))] =
                failure.map { "\($0.code)" } ?? (short + skipped).joined(separator: ", ")
            try tree.root.removeTree("target")
        }
        let passed = outcomes.filter { !["damaged", "notFound", "exists", "io"].contains($0.value) }.map(\.key)
        let replaced: Set =
            overwrites ? ["link then directory", "link then write", "temporary link"] : ["temporary link"]
        let expected = harmless.union(replaced)
        #expect(Set(passed) == expected)
        #expect(outcomes["absolute"] == "(below the target)")
        #expect(
            outcomes["character device"] == "'null': left out: device"
                && outcomes["block device"] == "'disk': left out: device")
        #expect(
            outcomes["fifo"] == "'fifo': left out: fifo"
                && outcomes["device then file"] == "null, 'null': left out: device")
        #expect(outcomes["temporary hard link"] == ".x.partial, keep, x")
        for name in [
            "dotdot", "dotdot deep", "dotdot directory", "dotdot symlink", "hard link outside", "empty name", "dot",
            "slash",
        ] {
            #expect(outcomes[name] == "damaged", "\(name)")
        }
    }

    /// What can be unpacked as it stands, since it stays inside.
    private let harmless: Set = [
        "absolute", "absolute directory", "character device", "block device", "fifo", "device then file",
        "directory is dot", "temporary hard link",
    ]
}

/// A source that counts what is read, and only lets a range be read.
private final class CountingSource: RangedSource {
    private let source: FileSource
    private let range: Range<Int64>
    private let read: Counter

    init(_ source: FileSource, _ range: Range<Int64>, _ read: Counter) {
        self.source = source
        self.range = range
        self.read = read
    }

    var name: String { source.name }
    var size: Int64 { source.size }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        guard range.lowerBound <= offset, offset + Int64(buffer.count) <= range.upperBound else {
            throw Fault(.usage, "\(offset) is outside of \(range)")
        }
        let count = try source.read(into: buffer, at: offset)
        read.add(Int64(count))
        return count
    }
}
