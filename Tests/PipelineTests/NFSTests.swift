import Glibc
import Platform
import TestSupport
import Testing

extension ServerTests {
    /// Staging on NFS whose server goes away in the middle of a stage.
    @Suite(
        .enabled("needs root, /dev/fuse, nfs-ganesha, rpcbind, libnfs and python3-fusepy") {
            try await NFSBox.isPossible()
        })
    struct NFSTests {
        /// What happens to the server, and to the stage with it.
        enum Trouble: String, CaseIterable, Sendable {
            /// It answers nobody for a while.
            case frozen
            /// It is killed, and started again.
            case killed
            /// It freezes, the stage is killed, and then the server.
            case bothKilled
        }

        private struct Case: Sendable, CustomTestStringConvertible {
            let program: Program
            let trouble: Trouble
            var testDescription: String { "\(program.rawValue), \(trouble.rawValue)" }
        }

        private static let cases = [Program.collect, .pack].flatMap { program in
            Trouble.allCases.map { Case(program: program, trouble: $0) }
        }

        private func world() throws -> Pipeline {
            let world = try Pipeline()
            var random = SplitMix64(seed: 3)
            for host in world.job.hosts {
                let build = try world.host(host)
                // Random, so that its archive is as large.
                try build.file("acme/large.log", random.bytes(10_000_000))
                for file in 0..<60 {
                    try build.file(
                        ByteString("acme/d\(file % 6)/f\(file).log"), [UInt8](repeating: UInt8(file), count: 9_000))
                }
            }
            return world
        }

        /// Units that count as done, as far as the server has them.
        private func records(_ program: Program, _ box: NFSBox) async throws -> [String] {
            try await run(
                ["bash", "-c", "cd \"$1\" && find . -name '*.json'", "bash", records(program, box)]
            ).lines
        }

        private func records(_ program: Program, _ box: NFSBox) -> String {
            "\(box.export)/logs/\(Pipeline.run)/records/\(program.rawValue)"
        }

        /// Bytes in files under their temporary names.
        private func underWay(_ program: Program, _ box: NFSBox) async throws -> Int {
            let place = "\(box.export)/logs/\(Pipeline.run)/\(program.rawValue)"
            let result = try await run(
                [
                    "bash", "-c",
                    "find \"$1\" -type f -path '*/.*.partial*' -printf '%s\\n' 2>/dev/null | awk '{ s += $1 } END { print s + 0 }'",
                    "bash", place,
                ])
            return result.lines.first.flatMap { Int($0) } ?? 0
        }

        @Test(
            "A server that goes away in the middle of a stage leaves nothing half-done, and the same command completes",
            arguments: cases)
        private func goesAway(_ item: Case) async throws {
            let (program, trouble) = (item.program, item.trouble)
            let world = try world()
            let sources = try await world.sourceTrees()
            let export = world.root + "/export"
            _ = try Directory.create(export)
            _ = try Directory.create(world.staging)
            let box = try await NFSBox(export: export, on: world.staging)
            defer { withExtendedLifetime(box) {} }
            // Staging is a mount point here; the vault is not.
            try await world.expect(.collect, ["init", "--local"], through: box.wrapper)
            let command = ["logs", "--run", Pipeline.run]
            if program == .pack { try await world.expect(.collect, command, through: box.wrapper) }

            let log = world.root + "/log"
            let running = try ChildProcess(
                box.wrapper + [program.path] + command, environment: world.environment, log: log)
            var seen = 0
            for _ in 0..<2_000 where seen < 1_000_000 && running.ending == nil {
                seen = try await underWay(program, box)
            }
            switch trouble {
            case .frozen, .bothKilled: box.freeze()
            case .killed: box.killServer()
            }
            try #require(running.ending == nil && seen > 0, "\(seen) bytes were under way")
            let done = try await records(program, box)
            #expect(done.count < 2, "the stage was over before the server went away: \(done)")
            try await Task.sleep(for: .seconds(1.5))
            #expect(running.ending == nil, "nobody can have told it anything")
            let later = try await records(program, box)
            #expect(later == done, "without its server nothing is done")
            switch trouble {
            case .frozen: box.thaw()
            case .killed: try box.startServer()
            case .bothKilled:
                running.signal(SIGKILL)
                box.killServer()
                try box.startServer()
            }
            let ending = try await running.wait(timeout: 60)
            let words = String(decoding: try world.read(log), as: UTF8.self)
            switch trouble {
            case .frozen: #expect(ending == .exited(0), "\(words)")
            case .killed:
                // It has waited, or it says what failed and where.
                let isTold = words.contains(world.staging)
                #expect(
                    ending == .exited(0) || ([.exited(1), .exited(3)].contains(ending) && isTold), "\(ending): \(words)"
                )
            case .bothKilled: #expect(ending == .signalled(SIGKILL), "\(ending): \(words)")
            }

            // What counts as done is whole, and the same commands do the rest.
            for next in Program.allCases { try await world.expect(next, command, through: box.wrapper) }
            let differences = try await world.stockDifferences(to: sources)
            #expect(differences == [])
            let status = try await world.expect(.ship, ["status", "logs"], through: box.wrapper)
            #expect(status.lines.count { $0.contains(" done ") } == 3, "\(status)")
            for host in world.job.hosts {
                try await world.shell(
                    "diff -r \"$1\" \"$2\"",
                    ["\(world.source)/\(host)", "\(export)/logs/\(Pipeline.run)/collect/\(host)"])
            }
            let remains = try await world.shell(
                "find \"$1\" -name '.*' ! -name .coldchain-guard ! -path \"$1\"", [export])
            #expect(remains.lines == [])
        }
    }
}
