import Glibc
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// Units that are larger than any test of every day can be: they run where `COLDCHAIN_LARGE` is set.
    @Suite(.enabled(if: getenv("COLDCHAIN_LARGE") != nil), .timeLimit(.minutes(60)), .serialized)
    struct LargeTests {
        /// One host in one archive.
        private func world() throws -> Pipeline {
            var job = Pipeline.Job()
            job.hosts = ["web1"]
            job.archive = "{host}"
            job.layout = "**"
            job.lines = ["member = \"{rest}\""]
            return try Pipeline(job)
        }

        /// Runs a command, and gives the memory that it took at the most, in MiB.
        private func measured(_ world: Pipeline, _ program: Program, _ arguments: [String]) async throws -> Int {
            let script = """
                import resource, subprocess, sys
                status = subprocess.call(sys.argv[2:])
                open(sys.argv[1], 'w').write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024))
                sys.exit(status)
                """
            let note = world.root + "/memory"
            let began = Clock.monotonic()
            let result = try await world(
                program, arguments, nil, through: ["python3", "-c", script, note], timeout: 3_000)
            #expect(result.status == 0, "\(arguments): \(result)")
            let peak = Int(String(decoding: try world.read(note), as: UTF8.self)) ?? .max
            print("\(program.rawValue) \(arguments.prefix(1)): \(Int(Clock.monotonic() - began)) s, \(peak) MiB")
            return peak
        }

        private func archive(_ world: Pipeline) -> String { "\(world.runDirectory())/pack/\(Pipeline.run)/web1.tar.gz" }

        /// Collects and packs, and proves what came of it; each command within `limit` MiB.
        private func night(_ world: Pipeline, limit: Int) async throws {
            try await world.initialize()
            for (program, most) in [(Program.collect, 128), (.pack, 256)] {
                let peak = try await measured(world, program, ["logs", "--run", Pipeline.run])
                #expect(peak <= most, "\(program)")
            }
            for arguments in [["verify"], ["verify", "--quick"], ["list"]] {
                let peak = try await measured(world, .pack, arguments + [archive(world)])
                #expect(peak <= limit, "\(arguments)")
            }
        }

        @Test("A unit of a million files")
        func million() async throws {
            let world = try world()
            let count = 1_000_000
            let made = try await TestSupport.run(
                [
                    "python3", "-c",
                    """
                    import os, sys
                    for number in range(int(sys.argv[2])):
                        if number % 1000 == 0: os.makedirs(f'{sys.argv[1]}/web1/d{number // 1000:04}')
                        os.close(os.open(f'{sys.argv[1]}/web1/d{number // 1000:04}/f{number:07}', os.O_CREAT | os.O_WRONLY))
                    """, world.source, "\(count)",
                ], timeout: 1_000)
            #expect(made.status == 0, "\(made)")
            try await night(world, limit: 256)
            let listed = try await world.shell(
                "\"$1\" list \"$2\" | wc -l", [Program.pack.path, archive(world)], timeout: 600)
            #expect(listed.output.trimmed == "\(count + count / 1_000 + 1)")
            let out = world.root + "/one"
            let peak = try await measured(
                world, .pack, ["extract", archive(world), "d0777/f0777777", "--to", out])
            #expect(peak <= 128)
            #expect(try FileTree(out).paths == ["d0777", "d0777/f0777777"])
        }

        @Test("A sparse file of 100 GiB")
        func sparse() async throws {
            let world = try world()
            let tree = try world.host("web1")
            try tree.file("small", text: "beside it")
            try await world.shell(
                """
                cd "$1/web1" && truncate -s 100G disk
                for at in 0 1 50 99; do echo "here $at" | dd of=disk bs=1M seek=$((at * 1024)) conv=notrunc status=none; done
                """, [world.source])
            try await night(world, limit: 256)
            let out = world.root + "/out"
            let peak = try await measured(world, .pack, ["extract", archive(world), "--to", out])
            #expect(peak <= 256)
            let kept = try await world.shell(
                """
                cd "$1" && stat -c %s disk && [ $(stat -c %b disk) -lt 1000 ]
                for at in 0 1 50 99; do dd if=disk bs=1M skip=$((at * 1024)) count=1 status=none | tr -d '\\0'; done
                """, [out])
            #expect(kept.lines == ["107374182400", "here 0", "here 1", "here 50", "here 99"])
        }
    }
}

extension String {
    fileprivate var trimmed: String { String(drop { $0 == " " }.prefix { $0.isNumber }) }
}
