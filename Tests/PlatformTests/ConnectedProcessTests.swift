import Glibc
import Platform
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct ConnectedProcessTests {
    private func read(_ socket: StreamSocket) throws -> [UInt8] {
        let buffer = Buffer(capacity: 64 << 10)
        var bytes: [UInt8] = []
        while let count = try socket.read(into: buffer.bytes), count > 0 { bytes += buffer.bytes[..<count] }
        return bytes
    }

    @Test("What is written comes back through cat, until the connection is closed")
    func talks() async throws {
        try await onOwnThread {
            let process = try ConnectedProcess("cat", [], name: "cat")
            let text = Array("over and back".utf8)
            try text.withUnsafeBytes { try process.connection.write($0) }
            let buffer = Buffer(capacity: 64)
            #expect(try process.connection.read(into: buffer.bytes) == text.count)
            #expect(Array(buffer.bytes[..<text.count]) == text)
            process.connection.shutdown()
            #expect(process.wait() == .exited(0))
        }
    }

    @Test("Status, output and the last words are kept")
    func words() async throws {
        try await onOwnThread {
            let process = try ConnectedProcess(
                "sh", ["-c", "echo out; echo first >&2; echo; echo last >&2; exit 7"], name: "sh")
            #expect(try read(process.connection) == Array("out\n\n".utf8))
            #expect(process.wait() == .exited(7))
            #expect(process.lastWords() == ["first", "last"])
        }
    }

    @Test("The last words of a child are had while a program that it has started keeps its standard error")
    func grandchild() async throws {
        try await onOwnThread {
            let process = try ConnectedProcess("sh", ["-c", "sleep 30 >/dev/null & echo last >&2"], name: "sh")
            #expect(process.wait() == .exited(0))
            let began = Clock.monotonic()
            #expect(process.lastWords() == ["last"])
            #expect(Clock.monotonic() - began < 20)
        }
    }

    @Test("Endless complaints cost a few kilobytes")
    func complaints() async throws {
        try await onOwnThread {
            let process = try ConnectedProcess(
                "sh", ["-c", "yes complaint | head -c 3000000 >&2; echo end >&2"], name: "sh")
            #expect(process.wait() == .exited(0))
            let words = process.lastWords()
            #expect(words.last == "end" && words.count < 1_000)
        }
    }

    @Test("A program that is not there is told, and one that hears nothing is ended")
    func ends() async throws {
        try await onOwnThread {
            guard case .notStarted = try ConnectedProcess("no-such-program", [], name: "none").wait() else {
                Issue.record("a program that is not there was started")
                return
            }
            let deaf = try ConnectedProcess("sh", ["-c", "trap '' TERM; echo deaf; exec sleep 600"], name: "deaf")
            let buffer = Buffer(capacity: 64)
            #expect(try deaf.connection.read(into: buffer.bytes) == 5)
            #expect(deaf.wait(milliseconds: 200) == nil)
            deaf.stop()
            // Long before it would have ended by itself.
            #expect(deaf.wait() == .signalled(SIGKILL))
        }
    }

    @Test("It has neither our terminal's session nor a blocked signal")
    func session() async throws {
        try await onOwnThread {
            let process = try ConnectedProcess(
                "sh", ["-c", "cut -d' ' -f6 /proc/self/stat; grep SigBlk /proc/self/status"], name: "sh")
            let lines = String(decoding: try read(process.connection), as: UTF8.self).split(separator: "\n")
            #expect(lines.count == 2 && lines[0] != "\(getsid(0))" && lines[1].hasSuffix("0000000000000000"))
        }
    }
}
