import AWS
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// Secrets that were planted wherever one may stand, looked for wherever none may.
    @Suite
    struct SecretTests {
        private static let secrets = ["hook", "token", "variable", "mail", "awskey", "awstoken"].map { "pl4nted-\($0)" }

        @Test("No secret gets into arguments, environments of other programs, logs, reports, errors or files")
        func planted() async throws {
            let sink = try await NotifySink()
            let world = try Pipeline()
            try world.host("web1").file("acme/a.log", text: "a\n")
            try world.host("web2").file("acme/a.log", text: "a\n")
            let etc = try TreeBuilder(world.root + "/etc")
            let address = "http://127.0.0.1:\(sink.httpPort)"
            try etc.file("secrets/hook", text: "\(address)/broken/pl4nted-hook\n")
            try etc.file("secrets/token", text: "pl4nted-token\n")
            try etc.file("secrets/mail", text: "pl4nted-mail\n")
            try etc.file(
                "coldchain.toml",
                text: """
                    staging = "\(world.staging)"
                    state = "\(world.state)"
                    [vault.disk]
                    url = "file://\(world.vault)"
                    [vault.away]
                    url = "s3://nowhere/v"
                    endpoint = "http://127.0.0.1:\(sink.httpPort)"
                    [notify]
                    failure = ["hook", "other", "mail", "watch"]
                    [notify.channel.hook]
                    kind = "webhook"
                    url = { file = "\(world.root)/etc/secrets/hook" }
                    token = { credential = "token" }
                    [notify.channel.other]
                    kind = "slack"
                    url = { env = "HOOK" }
                    [notify.channel.mail]
                    kind = "mail"
                    to = ["ops@example.net"]
                    server = "smtp://127.0.0.1:\(sink.smtpPort)"
                    user = "ops"
                    password = { file = "\(world.root)/etc/secrets/mail" }
                    [notify.channel.watch]
                    kind = "cloudwatch"
                    region = "us-east-1"
                    endpoint = "http://127.0.0.1:9"

                    """)
            try etc.file("jobs.d/logs.toml", text: world.job.text(world.source) + "copies = [\"disk\", \"away\"]\n")
            // What the programs start: each notes its arguments and environment.
            let bin = try TreeBuilder(world.root + "/bin")
            for program in ["ssh", "journalctl", "systemctl"] {
                try bin.file(
                    ByteString(program),
                    text: "#!/bin/sh\n{ echo \"$0 $*\"; env; } >>\(world.root)/children\nexit 1\n")
            }
            var job = world.job
            job.isDistant = true
            job.name = "far"
            try etc.file("jobs.d/far.toml", text: job.text(world.source) + "vault = \"disk\"\n")
            try await world.shell("chmod 755 \"$1\"/bin/*", [world.root])
            try await world.initialize()

            var environment = world.environment
            environment["PATH"] = "\(world.root)/bin:/usr/bin:/bin"
            environment["HOME"] = world.root
            environment["CREDENTIALS_DIRECTORY"] = world.root + "/etc/secrets"
            environment["HOOK"] = "\(address)/broken/pl4nted-variable"
            environment["AWS_ACCESS_KEY_ID"] = "AKIDEXAMPLE"
            environment["AWS_SECRET_ACCESS_KEY"] = "pl4nted-awskey"
            environment["AWS_SESSION_TOKEN"] = "pl4nted-awstoken"
            environment["AWS_EC2_METADATA_DISABLED"] = "true"
            environment["MONITOR_SERVICE_RESULT"] = "exit-code"
            environment["MONITOR_EXIT_CODE"] = "exited"
            environment["MONITOR_EXIT_STATUS"] = "1"
            environment["MONITOR_INVOCATION_ID"] = "abc123"
            var said = ""
            for (program, arguments) in [
                (Program.collect, ["far", "--run", Pipeline.run]), (.collect, ["logs", "--run", Pipeline.run, "-v"]),
                (.pack, ["logs", "--log-format", "json", "-v"]), (.ship, ["logs", "--dry-run"]),
                (.collect, ["check", "-v"]), (.ship, ["status", "--json"]),
                (.ship, ["notify", "--unit", "coldchain-collect@far.service", "--timeout", "0", "-v"]),
                (.ship, ["notify", "--unit", "coldchain-collect@far.service", "--dry-run"]),
            ] {
                let result = try await run([program.path] + arguments, environment: environment, timeout: 60)
                said += "\(arguments): \(result)\n"
            }
            #expect(said.contains("channel hook: "), "\(said)")
            let children = String(decoding: try world.read(world.root + "/children"), as: UTF8.self)
            #expect(children.contains("/bin/ssh ") && children.contains("/bin/journalctl "), "\(children)")
            // The secrets have arrived where they belong.
            let arrived = try sink.lines().joined()
            #expect(arrived.contains("/broken/pl4nted-hook") && arrived.contains("Bearer pl4nted-token"))
            #expect(arrived.contains("/broken/pl4nted-variable"))
            let leaks = try await run(
                ["grep", "-rlE", "pl4nted"]
                    + [world.staging, world.vault, world.state, world.root + "/children"])
            #expect(leaks.lines == [], "\(leaks)")
            for secret in Self.secrets { #expect(!said.contains(secret), "\(secret) in \(said)") }
        }

        @Test("No secret stands in the arguments of a running program")
        func arguments() async throws {
            let sink = try await NotifySink()
            let world = try Pipeline()
            try world.host("web1").file("acme/a.log", text: "a\n")
            let etc = try TreeBuilder(world.root + "/etc")
            try etc.file("hook", text: "http://127.0.0.1:\(sink.httpPort)/broken/pl4nted-hook\n")
            try etc.file(
                "coldchain.toml",
                text: """
                    staging = "\(world.staging)"
                    state = "\(world.state)"
                    [vault.disk]
                    url = "file://\(world.vault)"
                    [notify]
                    failure = ["hook"]
                    [notify.channel.hook]
                    kind = "slack"
                    url = { file = "\(world.root)/etc/hook" }

                    """)
            try await world.initialize()
            let process = try ChildProcess(
                [
                    Program.ship.path, "notify", "--event", "failure", "--job", "logs", "--stage", "ship", "--timeout",
                    "30",
                ],
                environment: world.environment)
            let isSent = try await eventually { try !sink.lines().isEmpty }
            let arguments = try await run(["sh", "-c", "tr '\\0' ' ' </proc/\(process.pid)/cmdline; ps axww -o args"])
            process.stop()
            #expect(isSent && arguments.output.contains("notify --event failure"))
            #expect(!arguments.output.contains("pl4nted"))
        }
    }
}
