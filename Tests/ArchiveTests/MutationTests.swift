import Codec
import Glibc
import Ledger
import Platform
import TestSupport
import Testing

@testable import Archive

/// Damage at random: whatever is read, it ends, by an answer or a fault, in bounded memory.
@Suite(.timeLimit(.minutes(60)))
struct MutationTests {
    /// What a fault that comes of bytes may be; anything else is the machine's, and none of a test.
    private static let codes: Set<Fault.Code> = [.damaged, .unsupported, .limit, .io, .notFound, .exists, .changed]

    /// Tars of every dialect: pax, GNU, ustar and v7, with links, long names and files with holes.
    private static let dialects = #"""
        import io, os, sys, tarfile
        top = sys.argv[1]
        for name, form in [('pax', tarfile.PAX_FORMAT), ('gnu', tarfile.GNU_FORMAT), ('ustar', tarfile.USTAR_FORMAT)]:
            with tarfile.open(os.path.join(top, name + '.tar'), 'w', format=form) as tar:
                def add(path, kind=tarfile.REGTYPE, link='', data=b''):
                    info = tarfile.TarInfo(path)
                    info.type, info.linkname, info.size, info.mtime = kind, link, len(data), 1000000000
                    tar.addfile(info, io.BytesIO(data))
                add('d', tarfile.DIRTYPE)
                add('d/file', data=b'content ' * 100)
                add('d/link', tarfile.SYMTYPE, 'file')
                add('d/hard', tarfile.LNKTYPE, 'd/file')
                if name != 'ustar':
                    add('d/' + 'n' * 180, data=b'long')
                    add('d/l', tarfile.SYMTYPE, 't' * 180)
                add('fifo', tarfile.FIFOTYPE)
        with open(os.path.join(top, 'holes'), 'wb') as file:
            for at in range(0, 3 << 20, 1 << 18):
                file.seek(at); file.write(b'x' * 4096)
        for form in ['gnu', 'posix']:
            os.system(f'tar -C "{top}" --format={form} -S -cf "{top}/sparse-{form}.tar" holes')
        os.system(f'tar -C "{top}" --format=posix --sparse-version=0.1 -S -cf "{top}/sparse-old.tar" holes')
        os.system(f'tar -C "{top}" --format=v7 -cf "{top}/v7.tar" holes')
        """#

    /// Gives each header block the checksum that its bytes have, so that what is wrong with it is read at all.
    private func mended(_ tar: [UInt8]) -> [UInt8] {
        var bytes = tar
        for start in stride(from: 0, to: bytes.count - 511, by: 512) where bytes[start + 257] == UInt8(ascii: "u") {
            for index in 148..<156 { bytes[start + index] = 0x20 }
            let sum = bytes[start..<(start + 512)].reduce(0) { $0 + Int($1) }
            let digits = Array(String(sum, radix: 8).utf8)
            let text = Array(repeating: UInt8(ascii: "0"), count: max(0, 6 - digits.count)) + digits + [0, 0x20]
            for (index, byte) in text.prefix(8).enumerated() { bytes[start + 148 + index] = byte }
        }
        return bytes
    }

    /// Memory that the process holds now.
    private func residentBytes() throws -> Int64 {
        let buffer = Buffer(capacity: 200)
        buffer.count = try File.open("/proc/self/statm").read(into: buffer.bytes)
        let text = String(decoding: buffer.contents, as: UTF8.self)
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Int64($0) }
        return try #require(pages) * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }

    @Test func `no damage to a foreign tar makes reading it crash, hang or grow`() async throws {
        let top = try TemporaryDirectory()
        let made = try await run(["python3", "-c", Self.dialects, top.path])
        try #require(made.status == 0, "\(made)")
        let rounds = Mutation.rounds(60)
        let odd = try await onOwnThread { () -> [String] in
            var mutation = Mutation(seed: 70)
            let directory = try Directory.open(top.path)
            let names = try directory.names().filter { $0.description.hasSuffix(".tar") }.sorted()
            try #require(names.count == 7)
            var odd: [String] = []
            let before = try residentBytes()
            for name in names {
                let tar = try directory.readFile(name)
                for round in 0..<rounds {
                    var bytes = mended(mutation.damaged(Array(tar.prefix(60_000)))) + tar.dropFirst(60_000)
                    if round % 5 == 0 { bytes = try gzipped(bytes) }
                    let what = "\(name) \(round), seed \(mutation.seed)"
                    let began = Clock.monotonic()
                    odd += outcome(BytesSource(bytes, name: "foreign"), directory).map { "\(what): \($0)" }
                    if Clock.monotonic() - began > 20 { odd.append("\(what): took more than 20 s") }
                }
            }
            let grown = try residentBytes() - before
            // Beside it other tests run, with buffers of their own.
            if grown > 1 << 30 { odd.append("\(grown) bytes more memory than before") }
            return odd
        }
        #expect(odd == [])
    }

    /// Lists, verifies and extracts, and says what should not have come of it.
    private func outcome(_ source: any RangedSource, _ directory: Directory) -> [String] {
        var odd: [String] = []
        func attempt(_ what: String, _ body: () throws -> Void) {
            do { try body() } catch {
                let fault = Fault.wrapping(error)
                if !Self.codes.contains(fault.code) || fault.message.isEmpty {
                    odd.append("\(what): \(fault.code) \(fault)")
                }
            }
        }
        attempt("list") {
            let tar = try ArchiveExtractor(source).tar { _ in }
            while try tar.next() != nil {}
        }
        attempt("verify") { _ = try ArchiveVerifier(source).examine(index: nil) }
        attempt("extract") {
            defer { try? directory.removeTree("out") }
            let target = RestoreTarget(try directory.descendCreating(["out"]), overwrites: true)
            try ArchiveExtractor(source).extractAll(to: target, failed: { _, _ in }, leftOut: { _ in })
        }
        return odd
    }

    @Test func `no damage to compressed data makes reading it crash or hang`() async throws {
        let top = try TemporaryDirectory()
        let tree = try TreeBuilder(top.path + "/tree")
        var text = SplitMix64(seed: 71)
        try tree.file("a", text.text(20_000))
        let made = try await run([
            "bash", "-ec",
            "cd \"$1\"; tar -cf a.tar -C tree .; gzip -k a.tar; xz -k a.tar; zstd -q -k a.tar; xz -k -9 -c a.tar > b.xz",
            "-", top.path,
        ])
        try #require(made.status == 0, "\(made)")
        let rounds = Mutation.rounds(80)
        let odd = try await onOwnThread { () -> [String] in
            var mutation = Mutation(seed: 72)
            let directory = try Directory.open(top.path)
            var odd: [String] = []
            for name in ["a.tar.gz", "a.tar.xz", "a.tar.zst", "b.xz"] as [ByteString] {
                let bytes = try directory.readFile(name)
                for round in 0..<rounds {
                    odd += outcome(BytesSource(mutation.damaged(bytes), name: "foreign"), directory)
                        .map { "\(name) \(round), seed \(mutation.seed): \($0)" }
                }
            }
            return odd
        }
        #expect(odd == [])
    }

    @Test(arguments: [MemberCodec.gzip, .xz, .none])
    func `no damage to an archive or its index passes, or makes reading crash`(
        codec: MemberCodec
    ) async throws {
        var host = StagedHost()
        var text = SplitMix64(seed: 73)
        for number in 0..<5 { host.file(ByteString("f\(number)"), text.bytes(900_000)) }
        host.hardLink("h", to: "f1")
        let packed = try await pack([host], compression: Compression(codec))
        let archive = try packed.bytes("acme" + codec.suffix)
        let index = try packed.bytes("acme.index.tsv.gz")
        let rounds = Mutation.rounds(20)
        let odd = try await onOwnThread { () -> [String] in
            var mutation = Mutation(seed: 74)
            let table = Array(try unpackedText(index).utf8)
            let directory = try Directory.open(packed.top.path)
            var odd: [String] = []
            for round in 0..<rounds {
                let isIndex = round % 2 == 0
                let bytes = isIndex ? archive : mutation.damaged(archive)
                let changed = isIndex ? try gzipped(mutation.damaged(table)) : index
                let source = BytesSource(bytes, name: "archive")
                let other = BytesSource(changed, name: "index")
                let what = "\(codec) \(round), seed \(mutation.seed)"
                func attempt(_ body: () throws -> Void) {
                    do { try body() } catch {
                        let fault = Fault.wrapping(error)
                        if !Self.codes.contains(fault.code) { odd.append("\(what): \(fault.code) \(fault)") }
                    }
                }
                attempt {
                    let report = try ArchiveVerifier(source).examine(index: other)
                    if !isIndex && bytes != archive && report.findings.isEmpty { odd.append("\(what): passed") }
                }
                attempt { _ = try ArchiveVerifier(source).sample(index: other, seed: UInt64(round)) }
                attempt {
                    defer { try? directory.removeTree("out") }
                    let wanted = try indexRows(other).filter { $0.entry.kind != .hardLink }.map {
                        ArchiveExtractor.Wanted(
                            name: $0.entry.key, range: $0.range, sha256: $0.sha256, entry: $0.entry,
                            outputs: [$0.entry.key])
                    }
                    let target = RestoreTarget(try directory.descendCreating(["out"]), overwrites: true)
                    try ArchiveExtractor(source, codec: codec, index: other, workers: 2)
                        .extract(wanted, to: target) { _, _ in }
                }
            }
            return odd
        }
        #expect(odd == [])
    }
}
