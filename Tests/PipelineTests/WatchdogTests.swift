import Glibc
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// The signs of life that the programs give a service manager, which is played by a socket.
    @Suite
    struct WatchdogTests {
        /// A socket that counts what arrives.
        private struct Listener {
            let directory: TemporaryDirectory
            private let program: ChildProcess

            private static let script = """
                import socket, sys
                s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                s.bind(sys.argv[1] + "/notify")
                out = open(sys.argv[1] + "/signs", "w", buffering=1)
                while True:
                    if s.recv(4096) == b"WATCHDOG=1": out.write("x")
                    out.flush()
                """

            init() async throws {
                directory = try TemporaryDirectory()
                program = try ChildProcess(["python3", "-c", Self.script, directory.path])
                let path = directory.path + "/signs"
                let isThere = try await eventually { access(path, F_OK) == 0 }
                try #require(isThere)
            }

            /// A sign is due every tenth of a second.
            var environment: [String: String?] {
                ["NOTIFY_SOCKET": directory.path + "/notify", "WATCHDOG_USEC": "400000", "WATCHDOG_PID": nil]
            }

            var signs: Int { (try? Directory.open(directory.path).readFile("signs").count) ?? 0 }
        }

        @Test(
            "A program whose work hangs gives no sign of life, though its other threads run, until it goes on",
            arguments: [(Program.collect, "write"), (.pack, "write"), (.ship, "fsync")])
        func hangs(_ program: Program, _ call: String) async throws {
            let listener = try await Listener()
            let small = try await SmallWorld(until: program)
            let world = try await SmallWorld.copy(of: small.before)
            let more = program == .collect ? ["--progress", "always"] : []
            let held = try await HeldProgram(
                world, program, call, 8, below: world.root + "/",
                arguments: ["logs", "--run", Pipeline.run, "--workers", "1"] + more, environment: listener.environment)
            // What had moved before is told once more, and what other threads had begun comes to its end.
            try await Task.sleep(nanoseconds: 500_000_000)
            let before = listener.signs
            try await Task.sleep(nanoseconds: 700_000_000)
            #expect(before > 0 && listener.signs == before)
            held.go()
            let ending = try await held.child.wait(timeout: 20)
            #expect(ending == .exited(0))
        }

        @Test("A program that waits for a host lives")
        func waits() async throws {
            let listener = try await Listener()
            var job = Pipeline.Job()
            job.lines = ["ready = \"_READY\""]
            let world = try Pipeline(job)
            try world.host("web1").file("acme/a", text: "a")
            try world.host("web2").file("acme/a", text: "a")
            try await world.initialize()
            let child = try ChildProcess(
                [Program.collect.path, "logs", "--run", Pipeline.run, "--wait", "1h"],
                environment: world.environment.merging(listener.environment) { $1 })
            // More than any start would give.
            let isAlive = try await eventually(timeout: 20) { listener.signs >= 12 }
            #expect(isAlive && child.ending == nil)
            child.signal(SIGTERM)
            let ending = try await child.wait(timeout: 20)
            #expect(ending == .exited(143))
        }
    }
}
