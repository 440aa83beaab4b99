import Platform
import TestSupport
import Testing

/// A call whose n-th use by a program ends it, for every n.
struct CrashPoint: Sendable, CustomTestStringConvertible {
    let program: Program
    let calls: [String]
    var action = Injection.Action.kill

    var testDescription: String {
        "\(program.rawValue) at \(calls.joined(separator: ", "))\(action == .tear ? ", torn" : "")"
    }

    static let all: [CrashPoint] = Program.allCases.flatMap { program in
        [
            CrashPoint(program: program, calls: ["write", "pwrite"]),
            CrashPoint(program: program, calls: ["write"], action: .tear),
            CrashPoint(program: program, calls: ["fsync", "fdatasync", "syncfs"]),
            CrashPoint(program: program, calls: ["rename", "link", "symlink"]),
            CrashPoint(program: program, calls: ["unlink"]),
            CrashPoint(program: program, calls: ["mkdir", "chmod"]),
            CrashPoint(program: program, calls: ["ftruncate", "create"]),
            CrashPoint(program: program, calls: ["close"]),
        ]
    }
}

extension InjectionTests {
    /// kill -9 at counted system calls of the programs, each time followed by what an operator does: run it again.
    ///
    /// All calls below staging, state and vault count, over all threads. Only of closes, which change nothing, and of
    /// kinds that a program uses more than ``many`` times, just every second, third, ... is the last.
    @Suite
    struct CrashTests {
        private static let few = 40
        private static let many = 160

        @Test(
            "A program killed at any call leaves no false claim, and the same command again completes the work",
            .timeLimit(.minutes(10)), arguments: CrashPoint.all)
        func kill(_ point: CrashPoint) async throws {
            let small = try await SmallWorld.shared(until: point.program)
            let count = try await small.count(point.program, point.calls)
            // A kind of call that the program does not make needs no test.
            guard count > 0 else { return }
            let most = point.calls == ["close"] ? Self.few : Self.many
            let step = max(1, (count + most - 1) / most)
            try await sideBySide(stride(from: 1, through: count, by: step)) { number in
                let ended = try await small.check(point, number)
                // Threads share the work differently each time, so the last few calls may not come.
                #expect(ended || number > count - 5, "call \(number) of \(count) did not come")
            }
        }

        @Test(
            "A program killed while it redoes what was done leaves no false claim, and again it completes",
            .timeLimit(.minutes(10)), arguments: Program.allCases)
        func redo(_ program: Program) async throws {
            let small = try await SmallWorld(until: .collect)
            let base = try await SmallWorld.copy(of: small.before)
            try await base.night()
            // The shared sources change; the first copy was made before.
            try await base.shell(
                """
                cd "$1" && echo changed >> web1/acme/app.log && rm web2/globex/'with space' && echo new > web2/globex/new
                touch -d '2025-11-18 09:00:00' web1/acme/app.log web2/globex/new
                """, [base.source])
            let sources = try await base.sourceTrees()
            for before in Program.allCases.prefix(while: { $0 != program }) {
                let force = before == .collect ? ["--force"] : []
                try await base.expect(before, ["logs", "--run", Pipeline.run] + force)
            }
            let force = program == .collect ? ["--force"] : []
            let calls = ["rename", "unlink", "fsync", "syncfs", "mkdir"]
            try await sideBySide(1...40) { number in
                // Every third, so that the last come too.
                let world = try await SmallWorld.copy(of: base)
                let injection = Injection(calls: calls, when: number * 3, action: .kill, below: world.root + "/")
                let killed = try await world.stage(program, Pipeline.run, force, injection)
                let broken = try await Claims.broken(world)
                let what = "\(program.rawValue) again, \(injection)"
                #expect(killed.ending == .signalled(9) || killed.status == 0, "\(what): \(killed)")
                #expect(broken == [], "\(what)")
                let again = try await world.stage(program, Pipeline.run, force)
                #expect(again.status == 0, "\(what): \(again)")
                for next in Program.allCases.drop(while: { $0 != program }).dropFirst() {
                    let result = try await world.stage(next)
                    #expect(result.status == 0, "\(what), then \(next.rawValue): \(result)")
                }
                let (differences, remains) = (
                    try await world.stockDifferences(to: sources), try await world.remains()
                )
                #expect(differences == [], "\(what)")
                #expect(remains == [], "\(what)")
            }
        }

        @Test("The library that counts calls sees those that strace sees", arguments: Program.allCases)
        func counting(_ program: Program) async throws {
            let small = try await SmallWorld.shared(until: program)
            let world = try await SmallWorld.copy(of: small.before)
            let (mark, log) = (world.root + "/fault.mark", world.root + "/strace.log")
            let calls = ["fsync", "syncfs", "rename", "unlink", "mkdir", "ftruncate"]
            let traced = "fsync,syncfs,renameat,renameat2,unlinkat,mkdirat,ftruncate"
            let injection = Injection(calls: calls, action: .count, below: "", mark: mark)
            var environment = injection.environment(try await FaultLibrary.shared.path())
            let preload = environment.removeValue(forKey: "LD_PRELOAD")
            let result = try await TestSupport.run(
                [
                    "strace", "-f", "-qqq", "-e", "signal=none", "-e", "trace=\(traced)", "-o", log,
                    "-E", "LD_PRELOAD=\((preload ?? "") ?? "")", program.path, world.job.name, "--run", Pipeline.run,
                ], environment: world.environment.merging(environment) { $1 })
            #expect(result.status == 0, "\(result)")
            let lines = String(decoding: try world.read(log), as: UTF8.self).split(separator: "\n")
            let seen = lines.filter { !$0.contains("resumed>") }
            let counted = String(decoding: try world.read(mark), as: UTF8.self).filter(\.isNumber)
            #expect(counted == "\(seen.count)")
        }
    }
}
