import Glibc
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// The example that prepares a host's outgoing tree.
    @Suite
    struct HostScriptTests {
        private struct Host {
            let top: TemporaryDirectory
            let files: TreeBuilder

            init() throws {
                top = try TemporaryDirectory()
                files = try TreeBuilder(top.path)
                try files.file("logs/web.log-20251120.gz", [1])
                try files.file("logs/with space.log-20251120.gz", [2])
                try files.file("logs/web.log-20251119.gz", [3])
                try files.file("logs/web.log", [4])
                try files.symlink("logs/link.log-20251120.gz", to: "/etc/passwd")
                try files.directory("out/20100101/acme")
                try files.directory("out/notes")
                try files.file(
                    "conf",
                    text: """
                        OUTGOING=\(top.path)/out
                        KEEP_DAYS=3650
                        SOURCES='
                        acme web \(top.path)/logs *.log-@DATE@.gz
                        '

                        """)
            }

            func run(_ arguments: [String] = ["20251120"]) async throws -> RunResult {
                try await TestSupport.run(
                    ["sh", Repository.root + "/etc/host/coldchain-outgoing"] + arguments,
                    environment: ["COLDCHAIN_OUTGOING_CONF": top.path + "/conf"])
            }

            func names(_ path: String) throws -> [String] {
                try Directory.open(top.path + "/" + path).names().map(\.description).sorted()
            }
        }

        @Test("The day's closed files are linked with their digests, the marker comes last, old days go")
        func linked() async throws {
            let host = try Host()
            let result = try await host.run()
            #expect(result.status == 0, "\(result)")
            #expect(try host.names("out") == ["20251120", "notes"])
            #expect(try host.names("out/20251120") == ["SHA256SUMS", "_READY", "acme"])
            #expect(try host.names("out/20251120/acme/web") == ["web.log-20251120.gz", "with space.log-20251120.gz"])
            let source = try Directory.open(host.top.path + "/logs").status("web.log-20251120.gz")
            let linked = try Directory.open(host.top.path + "/out/20251120/acme/web").status("web.log-20251120.gz")
            #expect(source.inode == linked.inode)
            let check = try await run(["sha256sum", "-c", "SHA256SUMS"], directory: host.top.path + "/out/20251120")
            #expect(check.status == 0 && check.lines.count == 2, "\(check)")
            let again = try await host.run()
            #expect(again.status == 0 && again.errors.contains("is ready already"))
        }

        @Test("A file that is still written keeps the whole day from being ready; one that is read does not")
        func open() async throws {
            let host = try Host()
            let path = host.top.path + "/logs/with space.log-20251120.gz"
            let reader = Glibc.open(path, O_RDONLY | O_CLOEXEC)
            let writer = Glibc.open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
            let refused = try await host.run()
            #expect(refused.status == 1 && refused.errors.contains("is still open for writing, refused"), "\(refused)")
            #expect(try !host.names("out").contains("20251120"))
            close(writer)
            #expect(try await host.run().status == 0)
            close(reader)
        }

        @Test("A dry run changes nothing, and a wrong date is told")
        func dry() async throws {
            let host = try Host()
            let before = try await onOwnThread { try FileTree(host.top.path) }
            let result = try await host.run(["-n", "20251120"])
            #expect(result.status == 0 && result.lines.count == 3, "\(result)")
            let after = try await onOwnThread { try FileTree(host.top.path) }
            #expect(before.differences(to: after) == [])
            #expect(try await host.run(["tomorrow"]).status == 64)
        }
    }
}
