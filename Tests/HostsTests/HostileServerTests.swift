import Glibc
import Ledger
import Platform
import TestSupport
import Testing

@testable import Hosts

/// No host is trusted: whatever a server says, its unit ends with a fault that names it, and nothing outside staging is
/// touched.
@Suite(.timeLimit(.minutes(10)))
struct HostileServerTests {
    private static func options(_ change: (inout SFTPServer.Options) -> Void) -> SFTPServer.Options {
        var options = SFTPServer.Options()
        change(&options)
        return options
    }

    /// Answers requests of one type with what `make` makes of the honest reply.
    private static func on(_ type: UInt8, _ make: @escaping @Sendable ([UInt8]) -> [UInt8]?) -> SFTPServer.Options {
        options { $0.tamper = { request, _, reply in request == type ? make(reply) : reply } }
    }

    private static func big(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }

    static let servers: [(name: String, options: SFTPServer.Options, code: Fault.Code)] = [
        ("a banner before the protocol", options { $0.banner = Array("Welcome to host!\n".utf8) }, .damaged),
        ("a huge packet", options { $0.banner = [0x7F, 0xFF, 0xFF, 0xFF, 103] }, .damaged),
        ("an empty packet", options { $0.banner = [0, 0, 0, 0] }, .damaged),
        ("version 2", options { $0.version = 2 }, .unsupported),
        ("a greeting that is cut off", on(1) { _ in [2, 0, 0] }, .damaged),
        ("the number of another request", on(11) { reply in [reply[0]] + big(99_999) + reply[5...] }, .damaged),
        ("an unknown type", on(11) { reply in [77] + reply[1...] }, .damaged),
        ("the wrong type", on(11) { reply in [103] + reply[1...] }, .damaged),
        ("a reply that is cut off", on(12) { reply in Array(reply.prefix(20)) }, .damaged),
        (
            "a handle of 4 KiB", on(11) { reply in reply[..<5] + big(4_096) + [UInt8](repeating: 1, count: 4_096) },
            .damaged
        ),
        ("a count of names without names", on(12) { reply in reply[..<5] + big(1_000_000) }, .damaged),
        ("a string beyond the packet", on(12) { reply in reply[..<5] + big(1) + big(0xFFFF_FFFF) + [65] }, .damaged),
        ("no names, and no end", on(12) { reply in reply[..<5] + big(0) }, .damaged),
        ("a slash in a name", options { $0.extraNames = [(Array("../../etc/passwd".utf8), 0o100644, 1)] }, .damaged),
        ("an absolute name", options { $0.extraNames = [(Array("/etc/passwd".utf8), 0o100644, 1)] }, .damaged),
        ("a NUL in a name", options { $0.extraNames = [([65, 0, 66], 0o100644, 1)] }, .damaged),
        ("an empty name", options { $0.extraNames = [([], 0o100644, 1)] }, .damaged),
        (
            "a name of 2000 bytes", options { $0.extraNames = [([UInt8](repeating: 65, count: 2_000), 0o100644, 1)] },
            .limit
        ),
        ("a size beyond all", options { $0.extraNames = [(Array("x".utf8), 0o100644, .max)] }, .damaged),
        ("a listing without an end", options { $0.isEndless = true }, .limit),
        (
            "a directory in itself",
            options {
                $0.isLooped = true
                $0.extraNames = [(Array("again".utf8), 0o040755, 0)]
            }, .limit
        ),
        ("the end of the connection", options { $0.dropsAfter = 6 }, .unreachable),
        ("silence", options { $0.freezesAfter = 6 }, .unreachable),
        ("silence at once", options { $0.freezesAfter = 0 }, .unreachable),
    ]

    @Test("The unit fails, and says why", arguments: servers.indices)
    func refused(_ index: Int) async throws {
        let (name, server, code) = Self.servers[index]
        let directory = try TemporaryDirectory()
        let build = try TreeBuilder(directory.path + "/tree")
        for number in 0..<20 { try build.file(ByteString("d/f\(number)"), [1, 2, 3]) }
        var fault: Fault?
        do {
            _ = try await collectFromServer(
                directory.path + "/tree", into: directory.path + "/out", server, patience: 1.5
            ) {
                $0.limits.entries = 5_000
                $0.limits.depth = 200
            }
        } catch {
            fault = error as? Fault
        }
        #expect(fault?.code == code, "\(name): \(fault.map { "\($0.code): \($0)" } ?? "collected")")
        #expect(fault?.description.contains("host") == true, "\(name): \(fault?.description ?? "")")
        // Nothing is beside the tree and the staging directory.
        #expect(try Set(Directory.open(directory.path).names()).isSubset(of: ["tree", "out"]))
    }

    @Test("More data than asked for is refused, less is asked for again")
    func data() async throws {
        let directory = try TemporaryDirectory()
        let content = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        try TreeBuilder(directory.path + "/tree").file("log", content)
        let more = Self.on(5) { reply in
            guard reply[0] == 103 else { return reply }
            let bytes = reply[9...] + [1, 2, 3]
            return Array(reply[..<5]) + Self.big(UInt32(bytes.count)) + bytes
        }
        let collected = try await collectFromServer(directory.path + "/tree", into: directory.path + "/more", more)
        #expect(try collected.row("log").reason == "read-error")
        let less = Self.on(5) { reply in
            guard reply[0] == 103, reply.count > 20 else { return reply }
            let bytes = reply[9...].prefix(max(1, (reply.count - 9) / 2))
            return Array(reply[..<5]) + Self.big(UInt32(bytes.count)) + bytes
        }
        let patient = try await collectFromServer(directory.path + "/tree", into: directory.path + "/less", less)
        #expect(try patient.content("log") == content)
    }

    @Test("A listing that lies about sizes does no harm", arguments: [0, 1, 100, 1_000_000] as [UInt64])
    func sizes(_ claimed: UInt64) async throws {
        let directory = try TemporaryDirectory()
        let content = [UInt8](repeating: 7, count: 40_000)
        try TreeBuilder(directory.path + "/tree").file("log", content)
        let liar = Self.on(12) { reply in
            // The size of the first entry that is a file of this size.
            var lie = reply
            let honest = withUnsafeBytes(of: UInt64(40_000).bigEndian) { Array($0) }
            for at in reply.indices.dropLast(8) where Array(reply[at..<at + 8]) == honest {
                lie.replaceSubrange(at..<at + 8, with: withUnsafeBytes(of: claimed.bigEndian) { Array($0) })
            }
            return lie
        }
        let collected = try await collectFromServer(directory.path + "/tree", into: directory.path + "/out", liar)
        #expect(try collected.content("log") == content)
        #expect(try collected.row("log").entry.size == 40_000)
    }

    @Test("Too many bytes of one tree are refused")
    func bytes() async throws {
        let directory = try TemporaryDirectory()
        let build = try TreeBuilder(directory.path + "/tree")
        for number in 0..<10 { try build.file(ByteString("f\(number)"), [UInt8](repeating: 1, count: 1_000)) }
        var fault: Fault?
        do {
            _ = try await collectFromServer(directory.path + "/tree", into: directory.path + "/out") {
                $0.limits.bytes = 5_000
            }
        } catch { fault = error as? Fault }
        #expect(fault?.code == .limit)
    }

    @Test("A name that a listing gives twice is one entry")
    func twice() async throws {
        let directory = try TemporaryDirectory()
        try TreeBuilder(directory.path + "/tree").file("log", [1])
        let server = Self.options { $0.extraNames = [(Array("log".utf8), 0o100644, 5)] }
        let collected = try await collectFromServer(directory.path + "/tree", into: directory.path + "/out", server)
        #expect(collected.rows.map(\.entry.key) == ["log"])
    }

    @Test("Bytes that nobody can foresee end in a fault or in a tree, never in a crash", arguments: 0..<40)
    func noise(_ seed: Int) async throws {
        let directory = try TemporaryDirectory()
        let build = try TreeBuilder(directory.path + "/tree")
        for number in 0..<10 {
            try build.file(ByteString("d\(number % 3)/f\(number)"), [UInt8](repeating: 1, count: 500))
        }
        let random = Monitor(SplitMix64(seed: UInt64(seed)))
        let server = Self.options {
            $0.tamper = { _, _, reply in
                random.with { random in
                    guard random.next() % 8 == 0, reply.count > 1 else { return reply }
                    var noisy = reply
                    for _ in 0..<(1 + random.next() % 4) {
                        noisy[Int(random.next() % UInt64(noisy.count))] = UInt8(truncatingIfNeeded: random.next())
                    }
                    return noisy
                }
            }
        }
        do {
            _ = try await onOwnThread {
                let distant = try Distant(directory.path + "/tree", server, patience: 1.5) {
                    $0.limits.entries = 1_000
                    $0.limits.depth = 50
                }
                defer { distant.stop() }
                let top = try Directory.create(directory.path + "/out")
                let list = try top.createFile("list")
                let collection = TreeCollection(
                    distant.tree, held: nil, rules: .init(isAlwaysFull: true), run: "2026-11-20",
                    clock: Clock { later }, place: { allToAcme($0) })
                _ = try collection.run(into: try top.descendCreating(["content"]), list: list, workers: 2)
            }
        } catch { #expect(error is Fault, "\(error)") }
        #expect(try Set(Directory.open(directory.path).names()).isSubset(of: ["tree", "out"]))
    }
}
