import Glibc
import Platform
import TestSupport
import Testing

extension ServerTests {
    /// Hosts behind a real sshd.
    @Suite(.enabled(if: SSHServer.isInstalled, "Debian's openssh-server is not installed"))
    struct SSHTests {
        /// A world whose hosts are all this machine: a host's tree is a directory of the sources.
        private func world(
            _ server: SSHServer, hosts: [String] = ["127.0.0.1"], _ lines: [String] = [], ssh: String? = nil
        )
            throws -> Pipeline
        {
            var job = Pipeline.Job()
            job.hosts = hosts
            job.isDistant = true
            job.lines = [ssh ?? server.settings(), "full_every = \"30 days\""] + lines
            return try Pipeline(job)
        }

        private func fill(_ world: Pipeline, _ host: String = "127.0.0.1", files: Int = 30) throws {
            let build = try world.host(host)
            for file in 0..<files {
                try build.file(
                    ByteString("t\(file % 3)/f\(file).log"),
                    (0..<(file * 700)).map { UInt8(truncatingIfNeeded: $0 &* file) },
                    mode: 0o640, modified: Timestamp(seconds: 1_700_000_000 + Int64(file)))
            }
        }

        /// What staging has of a host is what the source has.
        private func expectStaged(
            _ world: Pipeline, _ host: String = "127.0.0.1", _ location: SourceLocation = #_sourceLocation
        ) async throws {
            try await world.shell(
                "diff -r \"$1\" \"$2\"", ["\(world.source)/\(host)", "\(world.runDirectory())/collect/\(host)"])
        }

        private func proxy(_ server: SSHServer, _ options: [String]) async throws -> (process: ChildProcess, port: Int)
        {
            let output = server.directory + "/proxy.\(RandomID.make())"
            let process = try ChildProcess(
                ["python3", Repository.root + "/bench/netproxy.py", "--to", "\(server.port)"] + options, log: output)
            var port: Int?
            _ = try await eventually(timeout: 20) {
                let (directory, name) = Pipeline.split(output)
                guard let text = try? Directory.open(directory).readFile(ByteString(name)), text.last == 0x0A else {
                    return false
                }
                port = Int(String(decoding: text.dropLast(), as: UTF8.self))
                return port != nil
            }
            guard let port else { throw Fault(.io, "the proxy does not start") }
            try await server.writeKnownHosts(port: port)
            return (process, port)
        }

        @Test("A night over SSH, and back out of the vault", arguments: [SSHServer.Access.shell, .sftpOnly])
        func night(_ access: SSHServer.Access) async throws {
            let server = try await SSHServer(access)
            let world = try world(server)
            try fill(world)
            try world.host("127.0.0.1").symlink("t1/link", to: "/etc/passwd")
            try world.host("127.0.0.1").file(
                "t2/ -odd 'name'\n\u{1}.log", [1], modified: Timestamp(seconds: 1_700_000_000))
            try world.host("127.0.0.1").file(
                ByteString(bytes: [0x74, 0x32, 0x2F, 0xFF, 0xFE]), [2], modified: Timestamp(seconds: 1_700_000_000))
            try await world.initialize()
            try await world.night()
            let target = world.root + "/restored"
            try await world.expect(.ship, ["restore", "logs", "--run", Pipeline.run, "--to", target])
            #expect(try await world.remains() == [])
            // Names in archives begin with the tenant and the host.
            try await world.shell(
                "for t in t0 t1 t2; do diff -r --no-dereference \"$1/$t\" \"$2/$t/127.0.0.1\"; done",
                ["\(world.source)/127.0.0.1", target])
            // The second night has nothing to carry over the network.
            let again = try await world.stage(.collect, "2025-11-20")
            #expect(again.status == 0 && again.errors.contains("127.0.0.1: 0 taken (0 B)"), "\(again)")
        }

        @Test("What was held over SSH is carried when the tree is mounted here, and the other way round")
        func mountedAfterwards() async throws {
            let server = try await SSHServer()
            var world = try world(server)
            try fill(world)
            try await world.shell("touch -d '2025-11-01 10:00:00.123456789' \"$1/127.0.0.1/t0/f3.log\"", [world.source])
            try await world.initialize()
            for (day, isDistant) in [(Pipeline.run, true), ("2025-11-20", false), ("2025-11-21", true)] {
                world.job.isDistant = isDistant
                try world.writeSettings()
                let result = try await world.expect(.collect, ["logs", "--run", day])
                let isFirst = day == Pipeline.run
                #expect(result.errors.contains("127.0.0.1: 0 taken (0 B)") != isFirst, "\(day): \(result)")
                try await world.expect(.pack, ["logs", "--run", day])
                try await world.expect(.ship, ["logs", "--run", day])
            }
        }

        @Test("A host that can't be reached fails with its name and ssh's words, and the others complete")
        func unreachable() async throws {
            let server = try await SSHServer()
            let world = try world(
                server, hosts: ["127.0.0.1", "down", "missing", "stranger", "changed", "nobody", "who"],
                [
                    "[host.down]", server.settings(port: 1), "address = \"127.0.0.1\"",
                    "[host.missing]", "address = \"127.0.0.1\"", "path = \"/nowhere\"",
                    "[host.stranger]", "address = \"127.0.0.1\"", server.settings(["UserKnownHostsFile=/dev/null"]),
                    "[host.changed]", "address = \"127.0.0.1\"",
                    server.settings(["UserKnownHostsFile=\(server.directory)/changed"]),
                    "[host.nobody]", "address = \"127.0.0.1\"", server.settings(key: "other"),
                    "[host.who]", "address = \"127.0.0.1\"", server.settings(user: "no-such-account"),
                ])
            try await world.shell(
                "(printf '[127.0.0.1]:%s ' \"$1\"; cut -d' ' -f1,2 \"$2/other.pub\") > \"$2/changed\"",
                ["\(server.port)", server.directory])
            try fill(world)
            try await world.initialize()
            let result = try await world.stage(.collect)
            #expect(result.status == 3, "\(result)")
            let expected = [
                "down: ssh: connect to host 127.0.0.1 port 1: Connection refused",
                "missing: list missing:/nowhere/: no such file or directory",
                "stranger: ssh: its host key is not known",
                "changed: ssh: its host key has changed",
                "nobody: ssh: ", "who: ssh: no-such-account@127.0.0.1: Permission denied (publickey)",
            ]
            for words in expected { #expect(result.errors.contains(words), "\(words)\n\(result.errors)") }
            let refused = result.errors.split(separator: "\n").filter { $0.contains("Permission denied (publickey)") }
            #expect(refused.count == 2, "\(result.errors)")
            #expect(result.errors.contains("ssh-keygen -R changed"))
            let check = try await world.expect(.collect, ["check"], status: 1)
            #expect(check.output.contains("ok      job logs: source of 127.0.0.1 127.0.0.1:\(world.source)/127.0.0.1"))
            #expect(check.output.contains("FAILED  job logs: source of missing missing:/nowhere: no such directory"))
            #expect(check.output.contains("FAILED  job logs: source of changed changed:"))
            try await expectStaged(world)

            // Once each is put right the same command brings them, and the one that was there stays as it is.
            let hosts = ["down", "missing", "stranger", "changed", "nobody", "who"]
            var mended = world
            mended.job.lines =
                [server.settings(), "full_every = \"30 days\""]
                + hosts.flatMap { ["[host.\($0)]", "address = \"127.0.0.1\""] }
            try mended.writeSettings()
            for host in hosts { try fill(world, host) }
            let second = try await world.expect(.collect, ["logs", "--run", Pipeline.run])
            #expect(second.output.contains("6 units, 1 done before"), "\(second)")
            for host in hosts + ["127.0.0.1"] { try await expectStaged(world, host) }
            #expect(try await world.remains() == [])
        }

        @Test("A file and a directory that the account may not read are named, and all else is collected")
        func denied() async throws {
            let server = try await SSHServer()
            let world = try world(server, ssh: server.settings(user: getuid() == 0 ? "nobody" : nil))
            try fill(world)
            try world.host("127.0.0.1").file("t9/inside.log", [1])
            // An account that is not ours has to get to its key and to the tree.
            let tree = world.source + "/127.0.0.1"
            try await world.shell(
                """
                set -eu
                chmod 0711 "$1" "$2"
                chmod -R a+rX "$3"
                chmod 0 "$4/t1/f7.log" "$4/t9"
                """, [server.directory, world.root, world.source, tree])
            try await world.initialize()
            let result = try await world.stage(.collect)
            #expect(result.status == 3, "\(result)")
            #expect(result.errors.contains("127.0.0.1:\(tree)/t1/f7.log: permission denied"), "\(result)")
            #expect(result.errors.contains("127.0.0.1:\(tree)/t9/: permission denied"), "\(result)")
            #expect(result.errors.contains(", 2 skipped (2 unreadable)"), "\(result)")
            let differences = try await TestSupport.run(
                ["diff", "-rq", tree, "\(world.runDirectory())/collect/127.0.0.1"])
            let lines = differences.lines.filter { !$0.hasSuffix(": t9") }
            #expect(lines == ["Only in \(tree)/t1: f7.log"], "\(differences)")
            // What is opened to the account comes with the next night, or at once when that is asked for.
            try await world.shell("chmod 0644 \"$1/t1/f7.log\" && chmod 0755 \"$1/t9\"", [tree])
            try await world.expect(.collect, ["logs", "--run", Pipeline.run, "--force"])
            try await expectStaged(world)
        }

        @Test(
            "A staging that is full fails the host with its path; with room the same command completes",
            .needsMountNamespaces)
        func full() async throws {
            let server = try await SSHServer()
            let world = try world(server)
            try fill(world, files: 200)
            let result = try await TestSupport.run(
                [
                    "unshare", "-m", "bash", "-c",
                    #"""
                    set -u
                    mkdir -p "$1"
                    mount -t tmpfs -o size=3m,mode=700 staging "$1"
                    "$2" init --local >/dev/null
                    for attempt in 1 2; do
                        "$2" logs --run 2025-11-19 >/dev/null
                        echo $?
                        find "$1/logs/2025-11-19/records" -name '*.json' 2>/dev/null | wc -l
                    done
                    mount -o remount,size=64m "$1"
                    "$2" logs --run 2025-11-19 >/dev/null
                    echo $?
                    diff -r "$3" "$1/logs/2025-11-19/collect/127.0.0.1" && echo same
                    """#, "bash", world.staging, Program.collect.path, world.source + "/127.0.0.1",
                ], environment: world.environment)
            #expect(result.lines == ["1", "0", "1", "0", "0", "same"], "\(result)")
            let told = result.errors.split(separator: "\n").filter { $0.contains("no space left on device") }
            // The host that was under way is named; without room for its own record the next attempt begins no host.
            #expect(told.first?.hasPrefix("collect: error: 127.0.0.1: write \(world.staging)/") == true, "\(result)")
            #expect(told.count == 3 && told.allSatisfy { $0.contains(world.staging) }, "\(result)")
        }

        @Test(
            "A network that is cut anywhere fails the host alone; reruns go on, and end with every byte",
            arguments: 1...3)
        func cutAnywhere(_ seed: UInt64) async throws {
            let server = try await SSHServer()
            var random = SplitMix64(seed: seed)
            var world = try world(server)
            let build = try world.host("127.0.0.1")
            try build.file("t/large.log", (0..<1_500_000).map { _ in UInt8(truncatingIfNeeded: random.next()) })
            for file in 0..<150 {
                try build.file(
                    ByteString("t/d\(file % 10)/f\(file).log"),
                    (0..<(file * 200)).map { _ in UInt8(truncatingIfNeeded: random.next()) })
            }
            try await world.initialize()
            var last: RunResult
            var runs = 0
            repeat {
                // From the middle of the greeting to the middle of the content.
                let bytes = runs == 0 ? 2_500 : 4_000 + Int(random.next() % 2_500_000)
                let (process, port) = try await proxy(server, ["--cut-after", "\(bytes)"])
                defer { process.stop() }
                world.job.lines[0] = server.settings(port: port)
                try world.writeSettings()
                last = try await world.stage(.collect)
                runs += 1
                if last.status != 0 {
                    #expect(last.status == 1 && !last.isCrash, "cut after \(bytes) bytes: \(last)")
                    #expect(last.errors.contains("127.0.0.1: ssh"), "cut after \(bytes) bytes: \(last)")
                    let records = try await world.paths().filter { $0.contains("/records/") && $0.hasSuffix(".json") }
                    #expect(records == [], "nothing counts as done")
                }
            } while last.status != 0 && runs < 40
            #expect(last.status == 0 && runs > 2, "\(runs) runs, \(last)")
            try await expectStaged(world)
            #expect(try await world.remains() == [])
        }

        @Test("The end of a connection in the middle fails the host; the next run goes on and has every byte")
        func dropped() async throws {
            let server = try await SSHServer()
            let (process, port) = try await proxy(server, ["--cut-after", "3000000"])
            defer { process.stop() }
            let world = try world(server, ["streams_per_host = 1"], ssh: server.settings(port: port))
            let build = try world.host("127.0.0.1")
            var random = SplitMix64(seed: 5)
            for file in 0..<400 {
                try build.file(
                    ByteString("t/f\(1_000 + file).log"),
                    (0..<20_000).map { _ in UInt8(truncatingIfNeeded: random.next()) })
            }
            try await world.initialize()
            var runs = 0
            var last: RunResult
            repeat {
                last = try await world.stage(.collect)
                runs += 1
                if last.status != 0 {
                    #expect(last.status == 1 && last.errors.contains("127.0.0.1: "), "\(last)")
                    #expect(!last.isCrash)
                }
            } while last.status != 0 && runs < 12
            #expect(last.status == 0, "\(last)")
            #expect(runs > 2 && runs < 9, "\(runs) runs, each with 3 MB of 8 MB")
            #expect(last.errors.contains("staged before"))
            try await expectStaged(world)
            #expect(try await world.remains() == [])
        }

        @Test(
            "The connections killed in the middle, or all of sshd; then the same command again",
            arguments: [false, true])
        func killed(_ isWhole: Bool) async throws {
            let server = try await SSHServer()
            let world = try world(server, ["bandwidth = \"1 MiB/s\""])
            try fill(world, files: 200)
            try await world.initialize()
            let first = try ChildProcess(
                [Program.collect.path, "logs", "--run", Pipeline.run], environment: world.environment,
                log: world.root + "/log")
            // Some of it has arrived, however slow the machine is.
            let partial = "\(world.runDirectory())/collect/.127.0.0.1.partial"
            let isUnderWay = try await eventually(timeout: 120) {
                (try? Directory.open(partial).names().isEmpty) == false
            }
            #expect(isUnderWay)
            if isWhole { try await server.kill() } else { try await server.dropConnections() }
            #expect(try await first.wait(timeout: 120) == .exited(1))
            let log = String(decoding: try world.read(world.root + "/log"), as: UTF8.self)
            #expect(log.contains("127.0.0.1: ssh: "), "\(log)")
            if isWhole {
                let away = try await world.stage(.collect)
                #expect(away.status == 1 && away.errors.contains("127.0.0.1: ssh: connect to host"), "\(away)")
                try await server.start()
            }
            try await world.expect(.collect, ["logs", "--run", Pipeline.run, "--bandwidth", "1 GiB/s"])
            try await expectStaged(world)
        }

        @Test("A frozen server does not hang the night")
        func frozen() async throws {
            let server = try await SSHServer()
            let (process, port) = try await proxy(server, ["--freeze-after", "100000"])
            defer { process.stop() }
            let world = try world(
                server, ssh: server.settings(port: port, ["ServerAliveInterval=1", "ServerAliveCountMax=2"]))
            try fill(world, files: 200)
            try await world.initialize()
            let result = try await world.stage(.collect)
            #expect(
                result.status == 1
                    && result.errors.contains("127.0.0.1: ssh: Timeout, server 127.0.0.1 not responding"), "\(result)")
            // Once it answers again the same command goes on.
            var thawed = world
            thawed.job.lines[0] = server.settings()
            try thawed.writeSettings()
            try await world.expect(.collect, ["logs", "--run", Pipeline.run])
            try await expectStaged(world)
        }

        @Test("A tree that is not ready is waited for, or told as 75")
        func ready() async throws {
            let server = try await SSHServer()
            let world = try world(server, ["ready = \"_READY\""])
            try fill(world)
            try await world.initialize()
            try await world.shell("mv \"$1\" \"$1.away\"", [world.source + "/127.0.0.1"])
            let gone = try await world.stage(.collect)
            #expect(gone.status == 75 && gone.errors.contains("the directory itself is not there"), "\(gone)")
            try await world.shell("mv \"$1.away\" \"$1\"", [world.source + "/127.0.0.1"])
            let early = try await world.stage(.collect)
            #expect(early.status == 75 && early.errors.contains("'_READY' is not there"), "\(early)")
            let waiting = try ChildProcess(
                [Program.collect.path, "logs", "--run", Pipeline.run, "--wait", "5 min"],
                environment: world.environment, log: world.root + "/log")
            try await Task.sleep(for: .seconds(1))
            #expect(waiting.ending == nil)
            try world.host("127.0.0.1").file("_READY", [])
            #expect(try await waiting.wait(timeout: 300) == .exited(0))
            let list = try await world.shell("ls \"$1\"", ["\(world.runDirectory())/collect/127.0.0.1"])
            #expect(!list.output.contains("_READY"))
        }

        @Test("Files that are still being written are left for the next run, where there is one")
        func settle() async throws {
            let server = try await SSHServer()
            let world = try world(server, ["settle = \"1 h\""])
            try fill(world)
            try world.host("127.0.0.1").file("t0/now.log", [1])
            try await world.initialize()
            let result = try await world.stage(.collect)
            #expect(result.status == 0 && result.errors.contains(", 1 skipped (1 unsettled)"), "\(result)")
        }

        @Test("What the host's own digests say is compared with what arrived")
        func checksums() async throws {
            let server = try await SSHServer()
            let world = try world(server, ["source_checksums = \"SHA256SUMS\"", "unmatched = \"tenant:_misc\""])
            try fill(world)
            try await world.shell(
                "cd \"$1\" && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum > SHA256SUMS",
                [world.source + "/127.0.0.1"])
            try await world.initialize()
            try await world.expect(.collect, ["logs", "--run", Pipeline.run])
            let list = try await world.shell(
                "find \"$1\"", ["\(world.runDirectory())/collect/127.0.0.1"])
            #expect(!list.output.contains("SHA256SUMS"), "the list is no part of the tree")
            let f7 = try world.host("127.0.0.1")
            try f7.file("t1/f7.log", [UInt8](repeating: 1, count: 4_900), mode: 0o640)
            let result = try await world.stage(.collect, Pipeline.run, ["--force"])
            #expect(result.status == 3 && result.errors.contains("SHA256SUMS says that 't1/f7.log' has"), "\(result)")
            #expect(result.errors.contains(", 1 mismatched"))
        }

        @Test("Outside the window nothing is begun")
        func window() async throws {
            let server = try await SSHServer()
            // An hour that is not now, whatever the time.
            var now = time(nil)
            var parts = tm()
            gmtime_r(&now, &parts)
            let hour = (Int(parts.tm_hour) + 6) % 24
            let face = { (hour: Int) in hour < 10 ? "0\(hour):00" : "\(hour):00" }
            let world = try world(server, ["window = \"\(face(hour))-\(face((hour + 1) % 24))\""])
            try fill(world)
            try await world.initialize()
            let result = try await world.stage(.collect)
            #expect(result.status == 75 && result.errors.contains("outside the job's window"), "\(result)")
        }

        @Test("Missed dates are filled in where the host has them")
        func catchUp() async throws {
            let server = try await SSHServer()
            var job = Pipeline.Job()
            job.hosts = ["127.0.0.1"]
            job.path = "{host}/{yyyy}{mm}{dd}"
            job.isDistant = true
            job.lines = [server.settings(), "catch_up = \"4 days\""]
            let world = try Pipeline(job)
            let today = CivilDate(dayNumber: Int(time(nil) / 86_400))
            for back in [1, 3] {
                let date = today.adding(days: -back)
                let name = date.description.filter { $0 != "-" }
                try world.host("127.0.0.1").file(ByteString("\(name)/t/log"), [UInt8(back)])
            }
            try await world.initialize()
            try await world.expect(.collect, ["logs"])
            let runs = try await world.shell("cd \"$1\" && ls -d 20*", [world.staging + "/logs"])
            #expect(runs.lines == [today.adding(days: -3).description, today.adding(days: -1).description])
        }

        @Test("A tenant that brings far less than it used to makes the run partial")
        func sizeDrop() async throws {
            let server = try await SSHServer()
            let world = try world(
                server,
                ["[tenant.t2]", "decommissioned = true", "[alarm]", "size_drop = \"80%\""])
            try fill(world)
            try await world.initialize()
            for day in ["2025-11-10", "2025-11-11", "2025-11-12"] { try await world.night(day, [.collect]) }
            try await world.shell("rm \"$1\"/127.0.0.1/t[12]/*", [world.source])
            let result = try await world.stage(.collect, "2025-11-13")
            #expect(
                result.status == 3 && result.errors.contains("tenant t1: brought 0 B, the median of 3 runs is"),
                "\(result)")
            #expect(!result.errors.contains("tenant t2") && !result.errors.contains("tenant t0"))
        }

        @Test("24 hosts at once, each with an sshd of its own, stay within their descriptors and their memory")
        func manyHosts() async throws {
            let hosts = (1...24).map { $0 < 10 ? "h0\($0)" : "h\($0)" }
            var servers: [SSHServer] = []
            // One after the other: a port that is free now is another one's a moment later.
            for _ in hosts { servers.append(try await SSHServer()) }
            let world = try world(
                servers[0], hosts: ["h[01-24]"],
                // So slow that all of them are at work at the same time.
                ["hosts_at_once = 24", "bandwidth = \"1 MiB/s\""]
                    + zip(hosts, servers).flatMap { host, server in
                        ["[host.\(host)]", "address = \"127.0.0.1\"", server.settings()]
                    })
            for host in hosts { try fill(world, host) }
            try await world.initialize()
            let measure = """
                import os, subprocess, sys, time
                child = subprocess.Popen(sys.argv[1:])
                place, most, peak, hosts, samples = f'/proc/{child.pid}', 0, 0, 0, 0
                while child.poll() is None:
                    try:
                        most = max(most, len(os.listdir(place + '/fd')))
                        with open(place + '/status') as file:
                            peak = max([peak] + [int(l.split()[1]) for l in file if l.startswith('VmHWM')])
                        names = []
                        for task in os.listdir(place + '/task'):
                            try:
                                with open(f'{place}/task/{task}/children') as file: names += file.read().split()
                            except OSError: pass
                        hosts = max(hosts, len(names))
                        samples += 1
                    except OSError:
                        pass
                    time.sleep(0.02)
                print(samples, most, peak, hosts)
                sys.exit(child.returncode)
                """
            let result = try await world(
                .collect, ["logs", "--run", Pipeline.run, "--quiet"], through: ["python3", "-c", measure], timeout: 120)
            #expect(result.status == 0, "\(result)")
            let figures = result.lines.last?.split(separator: " ").compactMap { Int($0) } ?? []
            try #require(figures.count == 4, "\(result)")
            #expect(figures[0] > 20, "looked at only \(figures[0]) times")
            #expect(figures[1] > 24 && figures[1] < 400, "\(figures[1]) descriptors")
            #expect(figures[2] > 0 && figures[2] < 128 << 10, "\(figures[2]) KiB")
            // On a loaded machine the first are done before the last begin.
            #expect(figures[3] >= 12, "\(figures[3]) processes of ssh at once")
            for host in hosts { try await expectStaged(world, host) }
            withExtendedLifetime(servers) {}
        }

        @Test("Logs that are rotated under the walk are found under their new names")
        func rotation() async throws {
            let world = try Pipeline(
                { () -> Pipeline.Job in
                    var job = Pipeline.Job()
                    job.hosts = ["web1"]
                    job.lines = ["full_every = \"30 days\""]
                    return job
                }())
            let build = try world.host("web1")
            try build.file("t/a.log", Array("first".utf8))
            try build.file("t/app.log", Array("the day's log".utf8))
            try await world.initialize()
            // The walk is over, and the copy of the first file is held.
            let mark = world.root + "/fault.mark"
            let hold = Injection(
                calls: ["open"], when: 1, action: .hold, below: world.source + "/web1/t/a.log", mark: mark)
            var environment = world.environment
            environment.merge(hold.environment(try await FaultLibrary.shared.path())) { $1 }
            let running = try ChildProcess(
                [Program.collect.path, "logs", "--run", Pipeline.run], environment: environment,
                log: world.root + "/log")
            guard try await eventually(timeout: 20, { access(mark, F_OK) == 0 }) else {
                Issue.record(
                    "the copy was never held: \(String(decoding: try world.read(world.root + "/log"), as: UTF8.self))")
                return
            }
            try await world.shell(
                "cd \"$1\" && mv app.log app.log.1 && printf new > app.log && rm \"$2\"",
                [world.source + "/web1/t", mark])
            #expect(try await running.wait() == .exited(0))
            try await expectStaged(world, "web1")
            let log = String(decoding: try world.read(world.root + "/log"), as: UTF8.self)
            #expect(log.contains("looking once more"), "\(log)")
        }
    }
}
