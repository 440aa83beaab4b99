import Codec
import Ledger
import Platform
import TestSupport
import Testing

@testable import Archive

/// Archives of other programs, read without an index.
@Suite(.timeLimit(.minutes(10)))
struct ArchiveStreamTests {
    /// A tree packed by GNU tar, and the same bytes under each compression.
    private struct Foreign: Sendable {
        let top: TemporaryDirectory
        let tar: [UInt8]
        let files: [ByteString: [UInt8]]

        init() async throws {
            top = try TemporaryDirectory()
            let tree = try TreeBuilder(top.path + "/tree")
            var random = SplitMix64(seed: 40)
            var files: [ByteString: [UInt8]] = [:]
            files["a/text"] = random.text(700_000)
            files["a/noise"] = random.bytes(300_000)
            files["empty"] = []
            for (name, content) in files { try tree.file(name, content) }
            try tree.symlink("link", to: "a/text")
            let made = try await run([
                "bash", "-ec",
                """
                cd "$1"; tar --format=posix -cf all.tar -C tree .
                gzip -k all.tar; xz -k all.tar; zstd -q -k all.tar
                """, "-", top.path,
            ])
            try #require(made.status == 0, "\(made)")
            tar = try Directory.open(top.path).readFile("all.tar")
            self.files = files
        }

        func bytes(_ name: ByteString) throws -> [UInt8] { try Directory.open(top.path).readFile(name) }
    }

    private static let kinds: [(ByteString, ArchiveFormat)] = [
        ("all.tar", .tar), ("all.tar.gz", .gzip), ("all.tar.xz", .xz), ("all.tar.zst", .zstd),
    ]

    @Test(arguments: ["lost.tar.gz", "lost.tar.xz", "lost.tar.zst", "lost.tgz"])
    func `zeros are an empty tar, but none under the name of a compressed one`(name: String) async throws {
        let zeros = [UInt8](repeating: 0, count: 10_240)
        try await onOwnThread {
            let empty = try ArchiveVerifier(BytesSource(zeros, name: "empty.tar")).examine(index: nil)
            #expect(empty.findings == [] && empty.entries == 0)
            let source = BytesSource(zeros, name: name)
            let words = "\(name): is no archive: neither gzip, xz, zstd nor tar"
            #expect(try ArchiveVerifier(source).examine(index: nil).findings.map(\.message) == [words])
            try expectFault(.damaged, words) { try ArchiveExtractor(source).tar { _ in } }
            try withTemporaryDirectory { path in
                let target = RestoreTarget(try Directory.open(path))
                try expectFault(.damaged, words) {
                    try ArchiveExtractor(source).extractAll(to: target, failed: { _, _ in }, leftOut: { _ in })
                }
            }
        }
    }

    @Test func `tar, tar.gz, tar.xz and tar.zst of other programs are listed, verified and extracted`() async throws {
        let foreign = try await Foreign()
        let expected = try FileTree(foreign.top.path + "/tree")
        for (name, format) in Self.kinds {
            let bytes = try foreign.bytes(name)
            try await onOwnThread {
                let source = BytesSource(bytes, name: name.description)
                let stream = try ArchiveStream(source)
                #expect(stream.format == format)
                #expect(try readAll(stream) == foreign.tar)

                let report = try ArchiveVerifier(source).examine(index: nil)
                #expect(report.findings == [] && report.format == format && report.proof == .structure)
                #expect(report.files == 3 && report.contentBytes == 1_000_000)
                #expect(report.sha256 == SHA256Hasher.digest(of: bytes))

                let place = try Directory.open(foreign.top.path).descendCreating([name + ".out"])
                let target = RestoreTarget(place)
                try ArchiveExtractor(source).extractAll(
                    to: target, failed: { Issue.record("\($0): \($1)") }, leftOut: { Issue.record("\($0)") })
                try target.finish()
                #expect(expected.differences(to: try FileTree(place.path)) == [], "\(name)")
            }
        }
    }

    @Test func `some paths of an archive without an index are extracted on the way through`() async throws {
        let foreign = try await Foreign()
        for (name, _) in Self.kinds {
            let bytes = try foreign.bytes(name)
            try await onOwnThread {
                let place = try Directory.open(foreign.top.path).descendCreating([name + ".some"])
                let target = RestoreTarget(place)
                try ArchiveExtractor(BytesSource(bytes, name: "all")).extractAll(
                    to: target, selects: { $0 == "./a/noise" }, failed: { Issue.record("\($0): \($1)") },
                    leftOut: { Issue.record("\($0)") })
                try target.finish()
                #expect(try FileTree(place.path).paths == ["a", "a/noise"])
                #expect(try place.directory("a").readFile("noise") == foreign.files["a/noise"])
            }
        }
    }

    /// What verifying says against `bytes`.
    private func refusal(_ bytes: [UInt8]) -> Fault? {
        do {
            _ = try ArchiveVerifier(BytesSource(bytes, name: "all")).verify(index: nil)
            return nil
        } catch {
            return .wrapping(error)
        }
    }

    @Test func `a foreign archive that is cut off, or has something behind it, is refused`() async throws {
        let foreign = try await Foreign()
        for (name, format) in Self.kinds {
            let bytes = try foreign.bytes(name)
            let passed = try await onOwnThread { () -> [String] in
                var passed: [String] = []
                // GNU tar fills its last record with zeros, which closing a tar does not take.
                let zeros = format == .tar ? bytes.reversed().prefix { $0 == 0 }.count - 1_024 : 0
                let lengths = stride(from: 0, to: bytes.count - zeros, by: bytes.count / 40)
                for length in Array(lengths) + (1...9).map({ bytes.count - zeros - $0 })
                where refusal(Array(bytes[..<length]))?.code != .damaged {
                    passed.append("\(name) cut at \(length): \(String(describing: refusal(Array(bytes[..<length]))))")
                }
                for more in [Array("garbage".utf8), Array("garbage".utf8) + Array(repeating: 0, count: 600), [1]]
                where refusal(bytes + more)?.code != .damaged {
                    passed.append("\(name) with \(more.count) more bytes")
                }
                return passed
            }
            #expect(passed == [])
        }
    }

    @Test func `any changed byte of compressed data is found where the compression has a checksum`() async throws {
        let foreign = try await Foreign()
        for (name, format) in Self.kinds where format != .tar {
            let bytes = try foreign.bytes(name)
            let passed = try await onOwnThread { () -> [Int] in
                var random = SplitMix64(seed: 41)
                return (0..<40).compactMap { _ in
                    var changed = bytes
                    // Behind the headers: name and time of a gzip file are nobody's to prove.
                    let at = Int.random(in: 40..<bytes.count, using: &random)
                    changed[at] ^= UInt8.random(in: 1...255, using: &random)
                    return refusal(changed)?.code == .damaged ? nil : at
                }
            }
            #expect(passed == [], "\(name)")
        }
    }

    @Test func `what is no archive is told so`() throws {
        for bytes in [[], Array("plain text".utf8), Array(repeating: 65, count: 2_000), [0x1F, 0x8C, 8, 0]] as [[UInt8]]
        {
            let failure = refusal(bytes)
            #expect(failure?.code == .damaged)
            #expect(failure?.message.contains("is no archive") == true || failure?.message == "all: is empty")
        }
    }

    @Test func `several streams and frames behind each other are one archive`() async throws {
        let foreign = try await Foreign()
        let made = try await run([
            "bash", "-ec",
            """
            cd "$1"; head -c 500000 all.tar > one; tail -c +500001 all.tar > two
            for tool in gzip xz 'zstd -q'; do $tool -c one > "${tool%% *}".all; $tool -c two >> "${tool%% *}".all; done
            """, "-", foreign.top.path,
        ])
        try #require(made.status == 0, "\(made)")
        for name in ["gzip.all", "xz.all", "zstd.all"] as [ByteString] {
            let bytes = try foreign.bytes(name)
            let tar = try await onOwnThread { try readAll(ArchiveStream(BytesSource(bytes, name: "all"))) }
            #expect(tar == foreign.tar, "\(name)")
        }
    }
}
