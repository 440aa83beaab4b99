import Glibc
import Platform
import TestSupport
import Testing

/// What all other tests stand on.
@Suite(.timeLimit(.minutes(10)))
struct TestSupportTests {
    @Test func `a temporary directory goes with all below it, even after an error`() throws {
        struct Stop: Error {}
        var place = ""
        #expect(throws: Stop.self) {
            try withTemporaryDirectory { path in
                place = path
                try TreeBuilder(path).file("a/b/c")
                #expect(access(path, F_OK) == 0)
                throw Stop()
            }
        }
        #expect(!place.isEmpty && access(place, F_OK) != 0)
    }

    @Test func `a tree equals its copy and shows each difference`() async throws {
        try await withTemporaryDirectory { path in
            let builder = try TreeBuilder(path + "/a")
            let moment = Timestamp(seconds: 1_000, nanoseconds: 5)
            try builder.file("dir/file", text: "content", mode: 0o640, modified: moment)
            try builder.file(ByteString(bytes: [0xFF]), text: "x", modified: moment)
            try builder.hardLink("hard", to: "dir/file")
            try builder.symlink("link", to: "dir/file", modified: moment)
            try builder.fifo("fifo", modified: moment)
            try builder.socket("socket", modified: moment)
            try builder.sparseFile("sparse", size: 1 << 20, [4_096: [1, 2, 3]], modified: moment)
            try builder.directory("dir", mode: 0o711, modified: moment)
            #expect(try await run(["cp", "-a", "a", "b"], directory: path).status == 0)
            let source = try FileTree(path + "/a")
            #expect(source.differences(to: try FileTree(path + "/b")) == [])
            #expect(source.entries["hard"]?.linkedTo == "dir/file")
            #expect(source.entries["sparse"]?.isSparse == true)

            let copy = try TreeBuilder(path + "/b")
            try copy.file("dir/file", text: "CONTENT", mode: 0o600, modified: moment)
            try copy.root.remove(ByteString(bytes: [0xFF]))
            try copy.root.remove("link")
            try copy.symlink("link", to: "elsewhere", modified: moment)
            try copy.root.remove("fifo")
            try copy.file("fifo", modified: moment)
            try copy.file("new")
            try copy.sparseFile("sparse", size: 1 << 20, [4_096: [1, 2, 4]], modified: Timestamp(seconds: 1_000))
            try copy.root.remove("hard")
            try copy.file("hard", text: "content", mode: 0o640, modified: moment)
            try copy.directory("dir", mode: 0o700, modified: moment)
            #expect(
                source.differences(to: try FileTree(path + "/b")) == [
                    "~ dir: mode 711, got 700",
                    "~ dir/file: content differs, mode 640, got 600, linked to dir/file, got nothing",
                    "~ fifo: fifo is now a file",
                    "~ hard: linked to dir/file, got nothing",
                    "~ link: target dir/file, got elsewhere",
                    "+ new: not expected",
                    "~ sparse: content differs, time 1000.5, got 1000.0",
                    "- \\xFF: missing",
                ])
            #expect(
                source.differences(to: try FileTree(path + "/b"), []).contains("~ dir/file: content differs"))
        }
    }

    @Test func `a child's output, errors, status, input, directory and environment`() async throws {
        let script = "pwd; cat; echo $COLOUR ${HOME-none}; echo oops >&2; exit 3"
        let result = try await run(
            ["sh", "-c", script], environment: ["COLOUR": "blue", "HOME": nil], directory: "/proc",
            stdin: Array("input\n".utf8))
        #expect(result.ending == .exited(3))
        #expect(result.status == 3)
        #expect(result.lines == ["/proc", "input", "blue none"])
        #expect(result.errors == "oops\n")
    }

    @Test func `much output on both pipes and input nobody reads`() async throws {
        let script = "head -c 3000000 /dev/zero; head -c 2000000 /dev/zero >&2"
        let result = try await run(["sh", "-c", script], stdin: [UInt8](repeating: 1, count: 5_000_000))
        #expect(result.ending == .exited(0))
        #expect(result.stdout.count == 3_000_000)
        #expect(result.stderr.count == 2_000_000)
        let echo = try await run(["cat"], stdin: [UInt8](repeating: 7, count: 3_000_000))
        #expect(echo.stdout.count == 3_000_000)
    }

    @Test func `a signal and a deadline are told, and the whole group goes`() async throws {
        #expect(try await run(["sh", "-c", "kill -TERM $$"]).ending == .signalled(SIGTERM))
        #expect(try await run(["sh", "-c", "kill -TERM $$"]).status == 143)
        let start = Clock.monotonic()
        let late = try await run(["sh", "-c", "echo early; sleep 50 & echo $!; wait"], timeout: 0.5)
        #expect(late.ending == .killedAtDeadline)
        #expect(late.lines.first == "early")
        #expect(Clock.monotonic() - start < 20)
        let grandchild = try #require(late.lines.last.flatMap { pid_t($0) })
        #expect(try await eventually { kill(grandchild, 0) != 0 || isZombie(grandchild) })
        // What a child leaves running ends with it and holds nothing up.
        let quick = try await run(["sh", "-c", "sleep 50 & echo done"])
        #expect(quick.lines == ["done"])
        #expect(Clock.monotonic() - start < 20)
    }

    @Test func `a program that is not there is an error`() async {
        await #expect(throws: Fault.self) { try await run(["no-such-program-anywhere"]) }
    }

    @Test func `a cancelled wait ends, whatever its thread does`() async throws {
        let release = Monitor(false)
        let task = Task { try await onOwnThread { release.wait(wakes: false) { $0 ? true : nil } } }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        release.change { $0 = true }
    }

    @Test func `the generator gives what it always gave`() {
        var random = SplitMix64(seed: 1_234_567)
        // The first values of the reference implementation for this seed.
        #expect(
            (0..<3).map { _ in random.next() }
                == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
        #expect(random.bytes(1_001).count == 1_001)
        #expect(random.text(1_001).count == 1_001)
    }

    @Test func `the repository is found`() {
        #expect(access(Repository.root + "/Package.swift", R_OK) == 0)
    }

    private func isZombie(_ pid: pid_t) -> Bool {
        guard let status = try? runBlocking(["cat", "/proc/\(pid)/stat"]) else { return true }
        return status.output.contains(") Z ")
    }
}
