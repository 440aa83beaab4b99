import Codec
import Ledger
import Platform
import TestSupport
import Testing

@testable import Archive

/// Tars that no well-meaning program writes: what comes of each, and that nothing outside of the target is touched.
@Suite(.timeLimit(.minutes(10)))
struct EvilTarTests {
    /// Writes tars block by block, so that headers can say what tarfile would refuse to write.
    private static let corpus = #"""
        import os, sys
        top = sys.argv[1]
        outside = os.path.join(top, 'outside')

        def field(value, length):
            if value >= 8 ** (length - 1):
                return b'\x80' + value.to_bytes(length - 1, 'big')
            return b'%0*o\0' % (length - 1, value)

        def header(name, kind=b'0', size=0, link=b'', mode=0o644, magic=b'ustar\x0000', tail=b'', base256=False):
            head = name[:100].ljust(100, b'\0') + field(mode, 8) + field(0, 8) + field(0, 8) + field(size, 12)
            head += field(1000, 12) + b' ' * 8 + kind + link[:100].ljust(100, b'\0') + magic
            head = (head.ljust(345, b'\0') + tail).ljust(512, b'\0')
            return head[:148] + b'%06o\0 ' % sum(head) + head[156:]

        def padded(data):
            return data + b'\0' * (-len(data) % 512)

        def entry(name, data=b'', **more):
            return header(name, size=len(data), **more) + padded(data)

        def record(key, value):
            body = b' ' + key + b'=' + value + b'\n'
            length = len(body)
            while len(str(length)) + len(body) != length:
                length = len(str(length)) + len(body)
            return str(length).encode() + body

        def pax(*pairs):
            return entry(b'pax', b''.join(record(k, v) for k, v in pairs), kind=b'x')

        def gnu(kind, text):
            return entry(b'././@LongLink', text + b'\0', kind=kind, magic=b'ustar  \0')

        out = outside.encode()
        end = b'\0' * 1024
        evil = {
            # name: bytes
            'pax path': pax((b'path', b'../outside/made')) + entry(b'innocent', b'evil'),
            'pax absolute path': pax((b'path', out + b'/made')) + entry(b'innocent', b'evil'),
            'pax path twice': pax((b'path', b'fine'), (b'path', b'../outside/made')) + entry(b'innocent', b'evil'),
            'pax link': pax((b'linkpath', b'../outside/secret')) + entry(b'mine', kind=b'1', link=b'fine'),
            'pax symlink': pax((b'linkpath', out)) + entry(b'way', kind=b'2', link=b'.') + entry(b'way/made', b'evil'),
            'pax nul': pax((b'path', b'fine\0/../../outside/made')) + entry(b'innocent', b'evil'),
            'pax size': pax((b'size', b'99999999999999')) + entry(b'huge', b'evil'),
            'pax size negative': pax((b'size', b'-5')) + entry(b'negative', b'evil') + entry(b'next', b'evil'),
            'pax global path': entry(b'g', record(b'path', b'../outside/made'), kind=b'g') + entry(b'a', b'evil'),
            'pax chain': pax((b'path', b'deep')) * 500 + entry(b'innocent', b'evil'),
            'pax huge': header(b'pax', kind=b'x', size=1 << 33) + b'5 a=b\n' * 90000,
            'pax length lies': entry(b'pax', b'99999999 path=x\n', kind=b'x') + entry(b'innocent', b'evil'),
            'gnu long name': gnu(b'L', b'../' * 60 + b'outside/made') + entry(b'innocent', b'evil'),
            'gnu long link': gnu(b'K', b'../outside/secret') + entry(b'mine', kind=b'1', link=b'fine'),
            'gnu long absolute': gnu(b'L', out + b'/' + b'x' * 200) + entry(b'innocent', b'evil'),
            'gnu long alone': gnu(b'L', b'nothing behind'),
            'gnu long chain': gnu(b'L', b'name') * 500 + entry(b'innocent', b'evil'),
            'long component': pax((b'path', b'n' * 300)) + entry(b'innocent', b'evil'),
            'long path': pax((b'path', b'/'.join([b'n' * 200] * 40))) + entry(b'innocent', b'evil'),
            'deep path': pax((b'path', b'd/' * 3000 + b'f')) + entry(b'innocent', b'evil'),
            'setuid': entry(b'rooted', b'evil', mode=0o6755) + entry(b'sticky', kind=b'5', mode=0o3777),
            'link to itself': entry(b'self', kind=b'1', link=b'self'),
            'link to its own': entry(b'a', b'1') + entry(b'a', kind=b'1', link=b'a'),
            'directory to link': entry(b'd', kind=b'5', mode=0o755) + entry(b'd/f', b'x')
                + entry(b'd', kind=b'2', link=out) + entry(b'd/made', b'evil'),
            'link to directory': entry(b'd', kind=b'2', link=out) + entry(b'd', kind=b'5', mode=0o777),
            'many dots': entry(b'./.././../outside/made', b'evil'),
            'backslashes': entry(b'..\\outside\\made', b'fine'),
            'newline': entry(b'a\nb', b'fine'),
            'empty': b'', 'zeros': end, 'one zero block': b'\0' * 512,
            'cut header': header(b'a')[:300], 'cut content': header(b'a', size=4000) + b'x' * 700,
            'no end': entry(b'a', b'fine'),
            'wrong sum': entry(b'a', b'fine') + header(b'b')[:148] + b'0000000\0' + header(b'b')[156:],
            'behind the end': entry(b'a', b'fine') + end + entry(b'../outside/made', b'evil'),
            'size of all bits': header(b'a', size=(1 << 63) - 1) + b'x' * 512,
            'old sparse bomb': entry(b'hole', kind=b'S', magic=b'ustar  \0',
                tail=b'\0' * 41 + (field(1 << 60, 12) + field(0, 12)) + b'\0' * 72 + b'\0' + field(1 << 60, 12)),
            'pax sparse bomb': pax((b'GNU.sparse.major', b'1'), (b'GNU.sparse.minor', b'0'), (b'GNU.sparse.name', b'hole'),
                (b'GNU.sparse.realsize', b'%d' % (1 << 60))) + entry(b'x', padded(b'1\n%d\n0\n' % (1 << 60))),
            'sparse map': pax((b'GNU.sparse.major', b'1'), (b'GNU.sparse.minor', b'0'), (b'GNU.sparse.name', b'map'),
                (b'GNU.sparse.realsize', b'9')) + header(b'x', size=40 << 20) + b'10000000\n' + b'0\n0\n' * (10 << 20),
            'sparse chain': header(b'chain', kind=b'S', magic=b'ustar  \0', tail=b'\0' * 41 + b'0\0'.ljust(96, b'0') + b'\1')
                + (b'00000000001\0' * 42 + b'\1').ljust(512, b'\0') * 60000,
            'sparse backwards': pax((b'GNU.sparse.major', b'1'), (b'GNU.sparse.minor', b'0'), (b'GNU.sparse.name', b'back'),
                (b'GNU.sparse.realsize', b'2000')) + entry(b'x', padded(b'2\n1000\n10\n0\n10\n') + b'y' * 20),
            'sparse beyond': pax((b'GNU.sparse.major', b'1'), (b'GNU.sparse.minor', b'0'), (b'GNU.sparse.name', b'far'),
                (b'GNU.sparse.realsize', b'10')) + entry(b'x', padded(b'1\n5000\n20\n') + b'y' * 20),
        }
        for name, data in evil.items():
            closes = name not in ('empty', 'zeros', 'one zero block', 'no end', 'behind the end') and not name.startswith('cut')
            with open(os.path.join(top, name + '.tar'), 'wb') as file:
                file.write(data + (end if closes else b''))
        print(len(evil))
        """#

    /// What comes of a tar: codes of faults, told for an entry or for the whole, and the paths below the target.
    private struct Outcome: Sendable, Equatable, CustomStringConvertible {
        var faults: [Fault.Code] = []
        var paths: [ByteString] = []
        var description: String { "\(faults.map(\.description)), \(paths)" }
    }

    private static let expected: [String: Outcome] = [
        "pax path": .init(faults: [.damaged]),
        "pax path twice": .init(faults: [.damaged]),
        "pax link": .init(faults: [.damaged]),
        "pax symlink": .init(faults: [.notFound], paths: ["way"]),
        "pax nul": .init(paths: ["fine"]),
        "pax size": .init(faults: [.damaged, .damaged]),
        "pax size negative": .init(faults: [.damaged]), "pax global path": .init(paths: ["a"]),
        "pax length lies": .init(paths: ["innocent"]), "old sparse bomb": .init(faults: [.io]),
        "pax sparse bomb": .init(faults: [.io]), "one zero block": .init(),
        "pax chain": .init(faults: [.damaged]),
        "pax huge": .init(faults: [.damaged]),
        "gnu long name": .init(faults: [.damaged]),
        "gnu long link": .init(faults: [.damaged]),
        "long component": .init(faults: [.io]),
        "setuid": .init(paths: ["rooted", "sticky"]),
        "link to itself": .init(faults: [.notFound]),
        "link to its own": .init(paths: ["a"]),
        "directory to link": .init(faults: [.exists], paths: ["d", "d/f", "d/made"]),
        "link to directory": .init(faults: [.exists], paths: ["d"]),
        "many dots": .init(faults: [.damaged]),
        "backslashes": .init(paths: ["..\\outside\\made"]),
        "newline": .init(paths: ["a\nb"]),
        "empty": .init(faults: [.damaged]), "zeros": .init(), "cut header": .init(faults: [.damaged]),
        "cut content": .init(faults: [.damaged, .damaged]), "no end": .init(paths: ["a"]),
        "wrong sum": .init(faults: [.damaged], paths: ["a"]),
        "behind the end": .init(faults: [.damaged], paths: ["a"]),
        "size of all bits": .init(faults: [.damaged]),
        "sparse map": .init(faults: [.limit]), "sparse chain": .init(faults: [.limit]),
        "sparse backwards": .init(faults: [.damaged]), "sparse beyond": .init(faults: [.damaged]),
    ]

    @Test func `no tar does harm, and each has the outcome that is expected`() async throws {
        let top = try TemporaryDirectory()
        let tree = try TreeBuilder(top.path)
        let made = try await run(["python3", "-c", Self.corpus, top.path])
        #expect(made.status == 0, "\(made)")
        let names = try tree.root.names().map(\.description).filter { $0.hasSuffix(".tar") }.sorted()
        #expect("\(names.count)\n" == made.output && names.count > 40)
        try tree.file("outside/secret", text: "secret", mode: 0o600)
        try tree.directory("outside", mode: 0o700, modified: Timestamp(seconds: 1_000))
        let before = try FileTree(top.path + "/outside")
        for name in names {
            let (outcome, seconds, entries) = try await onOwnThread {
                let began = Clock.monotonic()
                let (outcome, entries) = try extract(name, in: top.path)
                return (outcome, Clock.monotonic() - began, entries)
            }
            let key = String(name.dropLast(4))
            if let expected = Self.expected[key] { #expect(outcome == expected, "\(key)") }
            // Where libarchive decides, it may decide otherwise in another version; nothing worse may come of it.
            #expect(seconds < 60, "\(key) took \(seconds) s")
            for (path, entry) in entries {
                #expect(entry.kind != .file || entry.mode & 0o6000 == 0, "\(key): \(path) has mode \(entry.mode)")
            }
            #expect(before.differences(to: try FileTree(top.path + "/outside")) == [], "\(key)")
            #expect(try tree.root.status("outside").mode == 0o700, "\(key)")
        }
    }

    private func extract(_ name: String, in top: String) throws -> (Outcome, [ByteString: FileTree.Entry]) {
        let directory = try Directory.open(top)
        defer { try? directory.removeTree("target") }
        let target = RestoreTarget(try directory.descendCreating(["target"]), keepsSetID: false)
        var faults: [Fault.Code] = []
        let source = try FileSource(try directory.openFile(ByteString(name)))
        do {
            try ArchiveExtractor(source).extractAll(
                to: target, failed: { faults.append($1.code) }, leftOut: { _ in })
        } catch { faults.append(Fault.wrapping(error).code) }
        do { try target.finish() } catch { faults.append(Fault.wrapping(error).code) }
        // Listed and verified it does no harm either: it ends, by a fault or without one.
        do {
            let tar = try ArchiveExtractor(source).tar { _ in }
            while try tar.next() != nil {}
        } catch { #expect(!Fault.wrapping(error).message.isEmpty) }
        do { _ = try ArchiveVerifier(source).examine(index: nil) } catch {
            #expect([.limit, .damaged, .unsupported].contains(Fault.wrapping(error).code), "\(name): \(error)")
        }
        // Deeper than a path can be told; what is below is gone with the target.
        let found = try? FileTree(top + "/target")
        return (Outcome(faults: faults, paths: found?.paths ?? []), found?.entries ?? [:])
    }
}
