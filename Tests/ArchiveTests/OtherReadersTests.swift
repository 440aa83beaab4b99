import Archive
import Codec
import Glibc
import Ledger
import Platform
import TestSupport
import Testing

/// Stock programs read what this one writes: the same tree comes out of all of them.
@Suite(.timeLimit(.minutes(10)))
struct OtherReadersTests {
    private struct Unpacked: Sendable {
        let result: RunResult
        let expected: FileTree
        let found: FileTree
    }

    /// Unpacks the sampler with a shell command, where `$A` is the archive, in a new directory.
    private func unpack(
        _ command: String, _ host: StagedHost = .sampler, expecting other: StagedHost? = nil
    ) async throws -> Unpacked {
        let packed = try await pack([host])
        let place = packed.top.path
        let result = try await run(
            ["sh", "-c", "mkdir \(place)/new && cd \(place)/new && \(command)"],
            environment: ["A": packed.out + "/acme.tar.gz", "LC_ALL": "C.UTF-8"], timeout: 120)
        return try await onOwnThread {
            try (other ?? host).make(place + "/expected")
            return Unpacked(
                result: result, expected: try FileTree(place + "/expected"),
                found: try FileTree(place + "/new").without("MANIFEST.sha256"))
        }
    }

    private static let everything: FileTree.Aspects = [.faithful, .holes]

    private static let python =
        "python3 -c \"import os, tarfile; tarfile.open(os.environ['A'], encoding='utf-8', errors='surrogateescape').extractall(numeric_owner=True)\""

    @Test(
        .enabled(if: geteuid() == 0, "owners need root"),
        arguments: [
            "tar xzpf $A", "zcat $A | tar xpf -", "pigz -dc $A | tar xpf -", "bsdtar -xpf $A", python,
        ])
    func `the same tree comes out`(command: String) async throws {
        // Python sets no times of links, and keeps times as floating point.
        let aspects: FileTree.Aspects =
            command == Self.python
            ? [.mode, .owner, .fileTimes, .directoryTimes, .wholeSeconds, .hardLinks, .holes] : Self.everything
        let unpacked = try await unpack(command)
        #expect(unpacked.result.status == 0, "\(unpacked.result)")
        #expect(unpacked.expected.differences(to: unpacked.found, aspects) == [])
        #expect(unpacked.found.paths.count == StagedHost.sampler.rows.count)
    }

    @Test(.enabled(if: geteuid() == 0, "owners need root"))
    func `busybox lacks sparse files, parts of a second and times of links, and nothing else`() async throws {
        let unpacked = try await unpack("gzip -dc $A | busybox tar xp")
        #expect(unpacked.result.description == "exit status 0\nstdout: \nstderr: ")
        let differences = unpacked.expected.differences(
            to: unpacked.found, [.mode, .owner, .fileTimes, .wholeSeconds, .hardLinks])
        // Such a file comes out under the name of its header, as the map of its data and then the data.
        #expect(
            differences == [
                "+ sparse/GNUSparseFile.0: not expected", "+ sparse/GNUSparseFile.0/data at end: not expected",
                "+ sparse/GNUSparseFile.0/hole: not expected", "+ sparse/GNUSparseFile.0/some: not expected",
                "- sparse/data at end: missing", "- sparse/hole: missing", "- sparse/some: missing",
            ])
        let mapAndData: Int64 = 512 + 4_096 + 12_288
        #expect(unpacked.found.entries["sparse/GNUSparseFile.0/some"]?.size == mapAndData)
        let fine = unpacked.found.entries.values.filter { $0.kind == .file && $0.modified.nanoseconds != 0 }
        #expect(fine.isEmpty)
    }

    @Test(arguments: ["gzip -t", "pigz -t", "gzip -l", "bsdtar -tf", "tar tzf"])
    func `the archive and its index pass the checks of stock programs`(command: String) async throws {
        let packed = try await pack([.large])
        let files = command.contains("tar") ? "acme.tar.gz" : "acme.tar.gz acme.index.tsv.gz"
        let result = try await run(["sh", "-c", "\(command) \(files)"], directory: packed.out)
        #expect(result.status == 0, "\(result)")
        #expect(result.errors == "")
    }

    // MARK: The list of digests

    @Test(
        arguments: [
            ([], "MANIFEST.sha256"), (["MANIFEST.sha256"], "_MANIFEST.sha256"),
            (["MANIFEST.sha256", "_MANIFEST.sha256"], "__MANIFEST.sha256"),
            (["MANIFEST.sha256", "__MANIFEST.sha256"], "___MANIFEST.sha256"),
            (["_MANIFEST.sha256"], "__MANIFEST.sha256"),
            (["MANIFEST.sha256/", "MANIFEST.sha256/file"], "_MANIFEST.sha256"),
            (["MANIFEST.sha256/file", "_MANIFEST.sha256/deep/file"], "__MANIFEST.sha256"),
            (["dir/MANIFEST.sha256", "MANIFEST.sha256.txt", "XMANIFEST.sha256"], "MANIFEST.sha256"),
        ] as [([ByteString], ByteString)])
    func `the digests get a name that no entry has`(keys: [ByteString], name: ByteString) async throws {
        var host = StagedHost()
        host.file("other", [1])
        for key in keys { if key.hasSuffix(UInt8(ascii: "/")) { host.directory(key) } else { host.file(key, [2]) } }
        let packed = try await pack([host])
        #expect(packed.written["acme"]?.index.header.digestEntry == name)
        #expect(try packed.rows().last?.entry.key == name)
        let result = try await run(
            ["sh", "-c", "tar xzf acme.tar.gz && sha256sum --strict --quiet -c \(name) && wc -l < \(name)"],
            directory: packed.out)
        let files = host.contents.count
        #expect(result.description == "exit status 0\nstdout: \(files)\n\nstderr: ")
    }

    @Test(.enabled(if: geteuid() == 0, "only root reads a file without rights"))
    func `sha256sum checks every file and link of an extracted archive`() async throws {
        let packed = try await pack([.sampler])
        let kinds = StagedHost.sampler.rows.values.filter { $0.entry.kind == .file || $0.entry.kind == .hardLink }
        let command = "mkdir new && tar xzf acme.tar.gz -C new && cd new && sha256sum --strict -c MANIFEST.sha256"
        let result = try await run(["sh", "-c", command], directory: packed.out)
        #expect(result.status == 0, "\(result)")
        let good = result.lines.filter { $0.hasSuffix(": OK") }
        #expect(good.count == kinds.count)
        let list = try await run(["sha256sum", "names/new\nline", "names/back\\slash"], directory: packed.out + "/new")
        let manifest = try Directory.open(packed.out + "/new").readFile("MANIFEST.sha256")
        let text = String(decoding: manifest, as: UTF8.self)
        for line in list.lines { #expect(text.contains(line + "\n"), "\(line)") }
        #expect(list.lines.count == 2)
        let rotten = "printf x >> 'etc/hosts' && ! sha256sum --strict -c MANIFEST.sha256 2>&1 | grep FAILED"
        let spoiled = try await run(["sh", "-c", rotten], directory: packed.out + "/new")
        #expect(spoiled.output == "etc/hosts: FAILED\n")
    }

    // MARK: Names beyond what a path may have

    @Test(arguments: [100, 101, 155, 255, 256, 1_000, 4_095, 4_096, 4_097, 20_000])
    func `names of any length are kept by all that list them`(length: Int) async throws {
        var host = StagedHost()
        let component = String(repeating: "x", count: 99) + "/"
        var name = String(repeating: component, count: length / 100)
        name += String(repeating: "y", count: length - name.utf8.count)
        if name.hasSuffix("/") { name = name.dropLast() + "y" }
        let key = ByteString(name)
        host.symlink(key, to: ByteString(String(repeating: "t", count: min(length, 4_000))))
        let packed = try await pack([host])
        #expect(try packed.rows().first?.entry.key == key)
        for command in [
            "tar tzf acme.tar.gz", "bsdtar -tf acme.tar.gz",
            "python3 -c \"import tarfile; print(*tarfile.open('acme.tar.gz').getnames(), sep='\\n')\"",
        ] {
            let result = try await run(["sh", "-c", command], directory: packed.out)
            #expect(result.output == "\(name)\nMANIFEST.sha256\n", "\(command)")
        }
        #expect(try await PythonReader.check(packed) == ["2 entries, 1 members, 1 parts, 0 big"])
        let report = try await onOwnThread { try ArchiveVerifier(packed.source()).verify(index: packed.index()) }
        #expect(report.entries == 2)
    }

    @Test func `a letter in one piece and the same in two are two names`() async throws {
        var host = StagedHost()
        host.file("\u{E9}", [1])
        host.file("e\u{301}", [2])
        host.symlink("link", to: "e\u{301}")
        for command in ["tar xzf $A", Self.python, "gzip -dc $A | busybox tar x"] {
            let unpacked = try await unpack(command, host)
            #expect(unpacked.expected.differences(to: unpacked.found, []) == [], "\(command)")
        }
        // bsdtar composes names where it can convert them; in the locale C it can't, and says so.
        let composed = try await unpack("bsdtar -xf $A", host)
        #expect(composed.expected.differences(to: composed.found, []).first == "- e\u{301}: missing")
        let plain = try await unpack("LC_ALL=C bsdtar -xf $A", host)
        #expect(plain.expected.differences(to: plain.found, []) == [])
        let packed = try await pack([host])
        let own = try await onOwnThread {
            let target = try Directory.open(packed.top.path).descendCreating(["own"])
            try ArchiveExtractor(packed.source()).extractAll(
                to: RestoreTarget(target), failed: { Issue.record("\($0): \($1)") }, leftOut: { Issue.record("\($0)") })
            return try FileTree(target.path).without("MANIFEST.sha256")
        }
        #expect(plain.expected.differences(to: own, []) == [])
    }

    @Test(arguments: ["tar xzpf $A", "bsdtar -xpf $A", python])
    func `a time before 1970 is the same for all, in whole seconds`(command: String) async throws {
        var (host, whole) = (StagedHost(), StagedHost())
        for (seconds, parts) in [(-86_400, 0), (-2, 500_000_000), (-1, 999_999_999), (-1, 0)] as [(Int64, UInt32)] {
            let name = ByteString("\(seconds) and \(parts)")
            host.file(name, [1], modified: Timestamp(seconds: seconds, nanoseconds: parts))
            whole.file(name, [1], modified: Timestamp(seconds: seconds))
        }
        let unpacked = try await unpack(command, host, expecting: whole)
        #expect(unpacked.expected.differences(to: unpacked.found, .fileTimes) == [])
    }
}
