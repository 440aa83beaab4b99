import Glibc
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// `--follow`: pack and ship at work together with collect.
    @Suite(.timeLimit(.minutes(10)))
    struct FollowTests {
        /// A collect that stands still before it reads web2, and the two that follow it.
        private struct Night {
            let world: Pipeline
            let mark: String
            let collect: ChildProcess
            var followers: [ChildProcess] = []

            init(_ world: Pipeline) async throws {
                self.world = world
                mark = world.root + "/fault.mark"
                let hold = Injection(
                    calls: ["open"], when: 1, action: .hold, below: world.source + "/web2/acme/app.log", mark: mark)
                let changes = hold.environment(try await FaultLibrary.shared.path())
                // The followers first: they wait for collect to begin.
                for program in [Program.pack, .ship] {
                    followers.append(
                        try ChildProcess(
                            [program.path, "logs", "--run", Pipeline.run, "--follow", "--wait", "50 s"],
                            environment: world.environment, log: world.root + "/\(program.rawValue).log"))
                }
                collect = try ChildProcess(
                    [Program.collect.path, "logs", "--run", Pipeline.run],
                    environment: world.environment.merging(changes) { $1 }, log: world.root + "/collect.log")
                let (child, mark) = (collect, mark)
                let isHeld = try await eventually { access(mark, F_OK) == 0 || child.ending != nil }
                guard isHeld, child.ending == nil else { throw Fault(.io, "collect did not come to web2") }
            }

            func go() { unlink(mark) }

            func waitForFile(_ path: String) async throws -> Bool { try await eventually { access(path, F_OK) == 0 } }

            func endings() async throws -> [Ending] {
                var endings = [try await collect.wait(timeout: 30)]
                for child in followers { endings.append(try await child.wait(timeout: 30)) }
                return endings
            }

            func log(_ program: Program) -> String {
                String(decoding: (try? world.read(world.root + "/\(program.rawValue).log")) ?? [], as: UTF8.self)
            }
        }

        // Lost hosts have no tree.
        private func world(_ archive: String? = nil, lost: [String] = []) async throws -> Pipeline {
            var job = Pipeline.Job()
            let there = job.hosts
            job.hosts += lost
            if let archive { job.archive = archive }
            let world = try Pipeline(job)
            for host in there {
                let tree = try world.host(host)
                try tree.file("acme/app.log", text: "app of \(host)")
                try tree.file("acme/deep/x", text: "x")
                try tree.file("globex/y", text: "y")
            }
            try await world.initialize()
            return world
        }

        @Test("A host is packed and shipped while another is still collected, and all end with it")
        func together() async throws {
            let world = try await world()
            let night = try await Night(world)
            let shipped = "\(world.vault)/logs/acme/2025/11/19/web1.sha256"
            #expect(try await night.waitForFile(shipped), "\(night.log(.pack)) \(night.log(.ship))")
            let early = try world.state(.pack)
            #expect(early.state == "running" && night.collect.ending == nil)
            night.go()
            let endings = try await night.endings()
            #expect(endings == [.exited(0), .exited(0), .exited(0)], "\(night.log(.pack)) \(night.log(.ship))")
            for program in [Program.pack, .ship] {
                let state = try world.state(program)
                #expect(state.state == "done" && state.failed.isEmpty && state.skipped == 0, "\(state)")
                #expect(state.done == state.units, "\(state)")
            }
            let differences = try await world.stockDifferences(to: try await world.sourceTrees())
            #expect(differences == [])
            let remains = try await world.remains()
            #expect(remains == [])
            let again = try await world.expect(.pack, ["logs", "--run", Pipeline.run])
            #expect(again.output.contains("4 done before"), "\(again)")
        }

        @Test("An archive of several hosts waits for the last of them")
        func severalHosts() async throws {
            let world = try await world("{tenant}/{yyyy}/{mm}/{dd}")
            let night = try await Night(world)
            let isRunning = try await night.waitForFile(world.runDirectory() + "/pack.json")
            #expect(isRunning)
            #expect(try await night.waitForFile(world.runDirectory() + "/records/collect/web1.json"))
            try await Task.sleep(nanoseconds: 1_500_000_000)
            let early = try await world.paths().filter { $0.hasSuffix(".tar.gz") }
            #expect(early == [])
            night.go()
            let endings = try await night.endings()
            #expect(endings == [.exited(0), .exited(0), .exited(0)], "\(night.log(.pack)) \(night.log(.ship))")
            let archives = try await world.paths().filter { $0.hasPrefix("vault/") && $0.hasSuffix(".tar.gz") }
            #expect(archives == ["vault/logs/acme/2025/11/19.tar.gz", "vault/logs/globex/2025/11/19.tar.gz"])
            let differences = try await world.stockDifferences(to: try await world.sourceTrees())
            #expect(differences == [])
        }

        @Test("A collect that dies ends its followers with 75, and the next night completes what it left")
        func dead() async throws {
            let world = try await world()
            let night = try await Night(world)
            #expect(try await night.waitForFile("\(world.vault)/logs/globex/2025/11/19/web1.sha256"))
            night.collect.signal(SIGKILL)
            let endings = try await night.endings()
            #expect(
                endings == [.signalled(SIGKILL), .exited(75), .exited(75)],
                "\(night.log(.pack)) \(night.log(.ship))")
            #expect(night.log(.pack).contains("has died at work; all that it had handed on by then is done"))
            #expect(night.log(.pack).contains("Run 'collect logs --run \(Pipeline.run)' again"))
            #expect(!night.log(.pack).contains("nothing to pack"))
            unlink(night.mark)
            try await world.night()
            let differences = try await world.stockDifferences(to: try await world.sourceTrees())
            #expect(differences == [])
        }

        @Test("A host that fails makes collect partial, and its followers, too")
        func partial() async throws {
            let world = try await world(lost: ["web3"])
            let night = try await Night(world)
            #expect(try await night.waitForFile("\(world.vault)/logs/globex/2025/11/19/web1.sha256"))
            night.go()
            let endings = try await night.endings()
            #expect(try world.state(.collect).state == "partial")
            #expect(try world.state(.pack).done == 4 && world.state(.ship).done == 6)
            #expect(endings == [.exited(3), .exited(3), .exited(3)], "\(night.log(.pack)) \(night.log(.ship))")
        }

        @Test("A night of two dates is packed whole, though pack is still at the first when collect ends the second")
        func twoDates() async throws {
            var job = Pipeline.Job()
            job.path = "{host}/{yyyy}{mm}{dd}"
            job.lines = ["catch_up = \"1 days\""]
            let world = try Pipeline(job)
            let today = Int(time(nil) / 86_400)
            let dates = [CivilDate(dayNumber: today - 2), CivilDate(dayNumber: today - 1)]
            for host in job.hosts {
                for date in dates {
                    let day = date.description.filter { $0 != "-" }
                    try world.host(host).file(ByteString("\(day)/acme/app.log"), [1, 2, 3])
                }
            }
            try await world.initialize()
            let mark = world.root + "/fault.mark"
            let hold = Injection(
                calls: ["open"], when: 1, action: .hold,
                below: "\(world.runDirectory(dates[0].description))/collect/web1/acme", mark: mark)
            let changes = hold.environment(try await FaultLibrary.shared.path())
            let log = world.root + "/pack.log"
            let pack = try ChildProcess(
                [Program.pack.path, "logs", "--follow", "--wait", "50 s"],
                environment: world.environment.merging(changes) { $1 }, log: log)
            try await world.expect(.collect, ["logs"])
            let isHeld = try await eventually { access(mark, F_OK) == 0 || pack.ending != nil }
            #expect(isHeld && pack.ending == nil)
            unlink(mark)
            let ending = try await pack.wait(timeout: 30)
            let said = String(decoding: try world.read(log), as: UTF8.self)
            #expect(ending == .exited(0), "\(said)")
            for date in dates {
                let archive = "acme/\(date.description.split(separator: "-").joined(separator: "/"))/web2.tar.gz"
                #expect(access("\(world.runDirectory(date.description))/pack/\(archive)", F_OK) == 0, "\(said)")
            }
        }

        @Test("Where nothing begins within the wait, a follower ends with 75")
        func nothing() async throws {
            let world = try await world()
            let result = try await world.expect(.pack, ["logs", "--follow", "--wait", "1 s"], status: 75)
            #expect(result.errors.contains("none began within 1 s"), "\(result)")
            try await world.expect(.pack, ["logs", "--wait", "1 s"], status: 64)
            try await world.expect(.ship, ["logs", "--follow", "--dry-run"], status: 64)
            try await world.night(Pipeline.run, [.collect])
            // What is there is taken at once.
            try await world.expect(.pack, ["logs", "--follow", "--wait", "1 s"])
            try await world.expect(.ship, ["logs", "--follow", "--wait", "1 s", "--run", Pipeline.run])
            let differences = try await world.stockDifferences(to: try await world.sourceTrees())
            #expect(differences == [])
        }
    }
}
