import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// `make install`, as an administrator or a package's build runs it.
    @Suite
    struct InstallTests {
        /// Installs the programs below test; nothing is built.
        private func install(_ root: String, prefix: String) async throws -> RunResult {
            let bin = Pipeline.split(Program.collect.path).directory
            return try await run(
                [
                    // Under the umask of a careful root.
                    "sh", "-c", "umask 077 && exec make --no-print-directory -C \"$@\"", "sh",
                    Repository.root, "install", "RELEASE=\(bin)", "DESTDIR=\(root)", "PREFIX=\(prefix)",
                ], environment: ["MAKEFLAGS": nil, "MAKELEVEL": nil])
        }

        @Test(
            "All lies below the prefix, readable for everybody, and again changes nothing",
            arguments: ["/usr", "/opt/it"])
        func modes(_ prefix: String) async throws {
            try await withTemporaryDirectory { root in
                let first = try await install(root, prefix: prefix)
                #expect(first.status == 0, "\(first)")
                // Only where systemd does not look by itself.
                #expect(first.errors.contains("systemctl link /opt/it/lib/systemd/system/") == (prefix == "/opt/it"))
                #expect(first.errors.isEmpty == (prefix == "/usr"), "\(first)")
                let tree = try FileTree(root)
                let top = ByteString(String(prefix.dropFirst()))
                for (path, entry) in tree.entries where path.hasPrefix(top) {
                    let isProgram =
                        path.hasPrefix(top + "/bin/") || path.hasPrefix(top + "/libexec/")
                        || path.components.last == "coldchain-outgoing"
                    let mode: UInt32 = entry.kind == .directory || isProgram ? 0o755 : 0o644
                    #expect(entry.mode == mode, "\(path)")
                    #expect(entry.kind == .directory || entry.size > 0, "\(path)")
                }
                let strays = tree.paths.filter { !$0.hasPrefix(top) && !top.hasPrefix($0) }
                #expect(strays == [])
                for line in first.lines {
                    #expect(tree.entries[ByteString(String(line.dropFirst(root.count + 1)))] != nil)
                }
                let again = try await install(root, prefix: prefix)
                let changes = tree.differences(to: try FileTree(root), [.mode, .owner])
                #expect(again.status == 0 && changes == [], "\(again)")
            }
        }

        @Test("ssh takes the example of its configuration, and jumps to hosts, but not to the bastion")
        func ssh() async throws {
            try await withTemporaryDirectory { root in
                _ = try await install(root, prefix: "/usr")
                let file = root + "/usr/share/doc/coldchain/examples/ssh_config"
                for (host, jumps) in [("siem01.dc.example", true), ("bastion.dc.example", false)] {
                    let told = try await run(["ssh", "-G", "-F", file, host])
                    #expect(told.status == 0, "\(told)")
                    #expect(told.lines.contains("proxyjump bastion.dc.example") == jumps, "\(told)")
                    #expect(told.lines.contains("user \(jumps ? "backup" : "jump")"))
                    #expect(told.lines.contains("userknownhostsfile /etc/coldchain/known_hosts"))
                }
            }
        }

        @Test("Every program that a unit starts is where the unit says")
        func units() async throws {
            try await withTemporaryDirectory { root in
                _ = try await install(root, prefix: "/opt/it")
                let found = try await run(
                    ["grep", "-rhoE", "^Exec[A-Za-z]+=[^ ]+", root + "/opt/it/lib/systemd/system"])
                let programs = found.lines.map { $0.drop { $0 != "=" }.dropFirst() }
                #expect(programs.count == 9)
                let tree = try FileTree(root)
                for program in programs {
                    #expect(tree.entries[ByteString(String(program.dropFirst()))]?.mode == 0o755, "\(program)")
                }
            }
        }
    }
}
