import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// What people and machines are told, by a real mail server and a real web server.
    @Suite
    struct NotifyTests {
        private func world(_ sink: NotifySink, broken: Bool = false) async throws -> Pipeline {
            let world = try Pipeline()
            try await SmallWorld.fill(world)
            try await world.initialize()
            let etc = try TreeBuilder(world.root + "/etc")
            let address = "http://127.0.0.1:\(sink.httpPort)"
            try etc.file("secret.slack", text: "\(address)/slack/s3cr3t-path\n")
            try etc.file("secret.hook", text: "\(address)/\(broken ? "broken" : "hook")/s3cr3t-path\n")
            try etc.file("secret.token", text: "s3cr3t-token\n")
            try etc.file("secret.ping", text: "\(address)/ping/s3cr3t-path\n")
            try etc.file("metrics/keep", text: "")
            let every = "[\"mail\", \"slack\", \"hook\", \"switch\", \"prom\"]"
            try etc.file(
                "coldchain.toml",
                text: """
                    staging = "\(world.staging)"
                    state = "\(world.state)"
                    [vault.disk]
                    url = "file://\(world.vault)"
                    [notify]
                    start = ["switch", "mail"]
                    success = \(every)
                    partial = \(every)
                    failure = \(every)
                    missing = \(every)
                    [notify.channel.mail]
                    kind = "mail"
                    to = ["ops@example.net", "night@example.net"]
                    server = "smtp://127.0.0.1:\(sink.smtpPort)"
                    [notify.channel.slack]
                    kind = "slack"
                    url = { file = "\(world.root)/etc/secret.slack" }
                    [notify.channel.hook]
                    kind = "webhook"
                    url = { file = "\(world.root)/etc/secret.hook" }
                    token = { file = "\(world.root)/etc/secret.token" }
                    [notify.channel.switch]
                    kind = "ping"
                    url = { file = "\(world.root)/etc/secret.ping" }
                    [notify.channel.prom]
                    kind = "textfile"
                    directory = "\(world.root)/etc/metrics"

                    """)
            return world
        }

        /// As coldchain-notify@.service runs it.
        private func notify(
            _ world: Pipeline, _ unit: String, _ result: String, _ status: String, code: String = "exited"
        ) async throws -> RunResult {
            var environment = world.environment
            environment["MONITOR_SERVICE_RESULT"] = result
            environment["MONITOR_EXIT_CODE"] = code
            environment["MONITOR_EXIT_STATUS"] = status
            return try await TestSupport.run(
                ["sh", "-c", "umask 077 && exec \"$@\"", "sh", Program.ship.path, "notify", "--unit", unit],
                environment: environment, timeout: 60)
        }

        @Test("a partial night is told to every channel once, with what failed and the command that does it again")
        func partial() async throws {
            let sink = try await NotifySink()
            let world = try await world(sink)
            try await world.expect(.collect, ["logs", "--run", Pipeline.run, "--only", "web1"], status: 3)
            try await world.expect(.collect, ["logs", "--run", Pipeline.run])
            _ = try await run(["rm", "-r", world.staging + "/logs/2025-11-19/collect/web1/acme"])
            try await world.expect(.pack, ["logs", "--run", Pipeline.run], status: 3)
            let told = try await notify(world, "coldchain-pack@logs.service", "exit-code", "3")
            #expect(told.status == 0, "\(told)")
            let lines = try sink.lines()
            #expect(lines.count == 4, "\(lines)")
            let mail = try #require(lines.first { $0.contains("\"mail\"") })
            #expect(mail.contains("Subject: [coldchain] pack logs 2025-11-19 partial, 1 failed on "), "\(mail)")
            #expect(mail.contains("<ops@example.net>\", \"<night@example.net>"), "\(mail)")
            #expect(mail.contains("pack logs --run 2025-11-19 --only acme/2025/11/19/web1"), "\(mail)")
            #expect(lines.contains { $0.contains("/ping/s3cr3t-path/fail") })
            #expect(lines.contains { $0.contains("/slack/") && $0.contains("{\\\"text\\\":") })
            #expect(lines.contains { $0.contains("/hook/") && $0.contains("Bearer s3cr3t-token") })
            let metrics = try Directory.open(world.root + "/etc/metrics")
            let figures = String(decoding: try metrics.readFile("coldchain-logs.prom"), as: UTF8.self)
            // Who reads them has another account.
            let mode = try metrics.status("coldchain-logs.prom").mode
            #expect(mode == 0o644)
            #expect(figures.contains("coldchain_run_failed_units{job=\"logs\",stage=\"pack\"} 1\n"), "\(figures)")
            #expect(figures.contains("coldchain_backlog_runs{job=\"logs\"} 1\n"), "\(figures)")

            // The same unit ending again has nothing new to tell but that it ended.
            _ = try await notify(world, "coldchain-pack@logs", "success", "0")
            let after = try sink.lines()
            #expect(after.count == lines.count)
        }

        @Test("an attempt that is at work is not told of before it has ended")
        func atWork() async throws {
            let sink = try await NotifySink()
            let world = try await world(sink)
            try await world.night(Pipeline.run, [.collect])
            let held = try await HeldProgram(world, .pack, "write", 12, below: world.root + "/")
            _ = try await notify(world, "coldchain-pack@logs.service", "exit-code", "1")
            held.go()
            let ending = try await held.child.wait(timeout: 20)
            #expect(ending == .exited(0))
            _ = try await notify(world, "coldchain-pack@logs", "success", "0")
            let mails = try sink.lines().filter { $0.contains("\"mail\"") }
            #expect(mails.count == 2, "\(mails)")
            #expect(!mails[0].contains("pack logs 2025-11-19") && !mails[0].contains("killed"), "\(mails)")
            #expect(mails.last?.contains("pack logs 2025-11-19: done") == true, "\(mails)")
        }

        @Test("a good night is told once; later and pointless starts tell nothing")
        func quiet() async throws {
            let sink = try await NotifySink()
            let world = try await world(sink)
            try await world.night(Pipeline.run)
            // Nothing is safe yet: the dead man's switch is not told.
            let early = try await notify(world, "coldchain-collect@logs", "success", "0")
            #expect(early.status == 0, "\(early)")
            let first = try sink.lines()
            #expect(first.count == 3 && !first.contains { $0.contains("/ping/") }, "\(first)")
            let told = try await notify(world, "coldchain-ship@logs", "success", "0")
            #expect(told.status == 0, "\(told)")
            let lines = try sink.lines()
            #expect(lines.count == 7, "\(lines)")
            let isPinged = lines.contains { $0.contains("\"path\": \"/ping/s3cr3t-path\"") }
            #expect(isPinged, "\(lines)")
            for (result, status) in [("success", "0"), ("success", "75")] {
                let quiet = try await notify(world, "coldchain-ship@logs", result, status)
                #expect(quiet.status == 0, "\(quiet)")
            }
            let after = try sink.lines()
            #expect(after.count == lines.count, "\(after)")
        }

        @Test("a kill is told with its cause, though no record tells of it")
        func killed() async throws {
            let sink = try await NotifySink()
            let world = try await world(sink)
            _ = try await notify(world, "coldchain-collect@logs.service", "oom-kill", "KILL", code: "killed")
            let lines = try sink.lines()
            let mail = try #require(lines.first { $0.contains("\"mail\"") })
            #expect(mail.contains("collect logs: killed: the machine or the unit had no memory left"), "\(mail)")
            #expect(mail.contains("collect logs FAILED on "), "\(mail)")

            // The unit of a failure, and a result that is none: it never began.
            _ = try await notify(world, "coldchain-pack@logs.service", "success", "0")
            let unmet = try #require(try sink.lines().last { $0.contains("\"mail\"") })
            #expect(unmet.contains("pack logs FAILED on ") && unmet.contains("pack logs: was not started"), "\(unmet)")
        }

        @Test("a channel that is broken is tried again, is named without its address, and stops no other")
        func broken() async throws {
            let sink = try await NotifySink()
            let world = try await world(sink, broken: true)
            try await world.night(Pipeline.run)
            let told = try await world(
                .ship, ["notify", "--event", "success", "--job", "logs", "--stage", "ship", "--timeout", "3"])
            #expect(told.status == 1, "\(told)")
            #expect(told.errors.contains("channel hook: 127.0.0.1:\(sink.httpPort): status 500"), "\(told)")
            #expect(!told.errors.contains("s3cr3t"), "\(told)")
            let lines = try sink.lines()
            #expect(lines.filter { $0.contains("/broken/") }.count > 1)
            #expect(lines.filter { !$0.contains("/broken/") }.count == 3)
        }

        @Test("a run that never was is told, and not again the same day")
        func missing() async throws {
            let sink = try await NotifySink()
            let world = try await world(sink)
            try await world.night(Pipeline.run)
            for _ in 1...2 {
                try await world.expect(.ship, ["notify", "--event", "missing"])
            }
            let lines = try sink.lines()
            #expect(lines.count == 4, "\(lines)")
            let isTold = lines.contains { $0.contains("the newest collected run is that of 2025-11-19") }
            #expect(isTold, "\(lines)")
        }

        @Test("what reached nobody is told again, and only to those it did not reach")
        func undelivered() async throws {
            let sink = try await NotifySink()
            let world = try await world(sink, broken: true)
            try await world.night(Pipeline.run)
            let missing = ["notify", "--event", "missing", "--timeout", "0"]
            try await world.expect(.ship, missing, status: 1)
            let first = try sink.lines()
            #expect(first.contains { $0.contains("\"mail\"") } && first.contains { $0.contains("/broken/") })
            try await world.expect(.ship, missing, status: 1)
            let second = try sink.lines().dropFirst(first.count)
            #expect(!second.isEmpty && second.allSatisfy { $0.contains("/broken/") }, "\(second)")
            // The answer repeats the path, which is a secret.
            let told = try await world(.ship, missing)
            #expect(told.errors.contains("status 500: no hook ...") && !told.errors.contains("s3cr3t"), "\(told)")
            // Once the way is free it arrives, as what it is, and only once.
            try TreeBuilder(world.root + "/etc").file(
                "secret.hook", text: "http://127.0.0.1:\(sink.httpPort)/hook/s3cr3t-path\n")
            for _ in 1...2 { try await world.expect(.ship, missing) }
            let late = try sink.lines().filter { $0.contains("/hook/") }
            #expect(late.count == 1 && late[0].contains("isLate\\\":true"), "\(late)")
            func ids(_ lines: some Sequence<String>) -> Set<String> {
                Set(
                    lines.compactMap {
                        $0.split(separator: "\\\"id\\\":\\\"").dropFirst().first.map { String($0.prefix(20)) }
                    })
            }
            let all = ids(try sink.lines())
            #expect(all.count == 1 && ids(late) == all)
            let left = try await run(["find", world.state + "/undelivered", "-name", "*.json"])
            #expect(left.status == 0 && left.lines == [])
        }

        @Test("staging that is away, a torn memory and a job that can't be read keep no other job from being told of")
        func faults() async throws {
            let sink = try await NotifySink()
            let world = try await world(sink)
            try await world.night(Pipeline.run)
            let etc = try TreeBuilder(world.root + "/etc")
            try etc.file("jobs.d/aaa.toml", text: "kind = \"nonsense\"\n")
            try TreeBuilder(world.state).file("notified.logs._missing.json", text: "{")
            try TreeBuilder(world.state).file("notified.aaa._missing.json", text: "{")
            let notify = try await world(.ship, ["notify", "--event", "missing"])
            #expect(notify.errors.contains("it may be told twice"), "\(notify)")
            let mails = try sink.lines().filter { $0.contains("\"mail\"") }
            #expect(mails.count == 2 && mails.contains { $0.contains("newest collected run") }, "\(mails)")
            try await world.shell("mv \"$1\" \"$1.away\"", [world.staging])
            try await world.expect(.ship, ["notify", "--event", "missing", "--job", "logs"])
            let away = try sink.lines().last { $0.contains("\"mail\"") }
            #expect(away?.contains(world.staging) ?? false, "\(String(describing: away))")
            try await world.expect(.ship, ["notify", "--event", "missing", "--job", "logs"])
            let count = try sink.lines().filter { $0.contains("\"mail\"") }.count
            #expect(count == 3)
        }

        @Test("a start tells of no earlier failure")
        func start() async throws {
            let sink = try await NotifySink()
            let world = try await world(sink)
            try await world.night(Pipeline.run, [.collect])
            _ = try await run(["rm", "-r", world.staging + "/logs/2025-11-19/collect/web1/acme"])
            try await world.expect(.pack, ["logs", "--run", Pipeline.run], status: 3)
            try await world.expect(.ship, ["notify", "--event", "start", "--job", "logs", "--stage", "pack"])
            let mail = try #require(try sink.lines().first { $0.contains("\"mail\"") })
            #expect(!mail.contains("failed") && !mail.contains("web1"), "\(mail)")
        }

        @Test("a settings file that names no such channel is refused with a suggestion")
        func settings() async throws {
            let sink = try await NotifySink()
            let world = try await world(sink)
            let jobs = try TreeBuilder(world.root + "/etc")
            try jobs.file("jobs.d/logs.toml", text: world.job.text(world.source) + "[notify]\nfailure = [\"slak\"]\n")
            let refused = try await world(.collect, ["logs", "--run", Pipeline.run])
            #expect(refused.status == 78, "\(refused)")
            #expect(refused.errors.contains("there is no [notify.channel.slak]"), "\(refused)")
            #expect(refused.errors.contains("Did you mean \"slack\"?"), "\(refused)")
        }
    }
}
