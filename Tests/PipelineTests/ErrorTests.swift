import Glibc
import Platform
import TestSupport
import Testing

/// A call that reports an error at its n-th use by a program, for many n.
struct ErrorPoint: Sendable, CustomTestStringConvertible {
    let program: Program
    let calls: [String]
    let action: Injection.Action

    var testDescription: String { "\(program.rawValue): \(action) at \(calls.joined(separator: ", "))" }

    static let all: [ErrorPoint] = Program.allCases.flatMap { program in
        [["write", "pwrite"], ["fsync", "fdatasync", "syncfs"], ["ftruncate", "mkdir"], ["create"], ["rename"]].map {
            ErrorPoint(program: program, calls: $0, action: .error(ENOSPC))
        } + [
            ErrorPoint(program: program, calls: ["write", "create", "mkdir"], action: .fail(ENOSPC)),
            ErrorPoint(program: program, calls: ["read", "pread"], action: .error(EIO)),
            ErrorPoint(program: program, calls: ["write"], action: .error(EIO)),
            ErrorPoint(program: program, calls: ["fsync", "syncfs"], action: .error(EIO)),
            ErrorPoint(program: program, calls: ["close"], action: .error(EIO)),
            ErrorPoint(program: program, calls: ["open"], action: .error(EACCES)),
            ErrorPoint(program: program, calls: ["unlink"], action: .error(EIO)),
        ]
    }
}

extension InjectionTests {
    /// Errors of the system at counted calls on staging, state and vault.
    ///
    /// The rule: a program that reports success has done all of its work. Otherwise it ends with 1 or 3, says on stderr
    /// what failed on which path, has not crashed, and has left no record of what is not there; the same command again
    /// completes the work.
    @Suite
    struct ErrorTests {
        private static let few = 12

        @Test(
            "An error at any call is told with its path, makes no false claim, and the same command again completes",
            .timeLimit(.minutes(10)), arguments: ErrorPoint.all)
        func error(_ point: ErrorPoint) async throws {
            let small = try await SmallWorld.shared(until: point.program)
            let count = try await small.count(point.program, point.calls)
            guard count > 0 else { return }
            let step = max(1, (count + Self.few - 1) / Self.few)
            try await sideBySide(stride(from: 1, through: count, by: step)) { try await check(point, $0, small) }
        }

        private func check(_ point: ErrorPoint, _ number: Int, _ small: SmallWorld) async throws {
            let world = try await SmallWorld.copy(of: small.before)
            let injection = Injection(
                calls: point.calls, when: number, action: point.action, below: world.root + "/")
            let result = try await world.stage(point.program, Pipeline.run, [], injection)
            let what = "\(point.program.rawValue), \(injection)"
            let broken = try await Claims.broken(world)
            #expect(!result.isCrash, "\(what): \(result)")
            #expect([0, 1, 3].contains(result.status), "\(what): \(result)")
            #expect(broken == [], "\(what)")
            if result.status == 0 {
                let state = try world.state(point.program).state
                #expect(state == "done", "\(what)")
            } else {
                #expect(result.errors.contains(world.root + "/"), "\(what) names no path: \(result)")
            }
            // What could not be removed goes with the next attempt.
            let isWhole = result.status == 0 && point.calls != ["unlink"]
            try await small.completes(
                world, what, from: isWhole ? .next : .same, isWhole: number % SmallWorld.wholes == 1)
        }

        @Test("A source file that can't be read makes collect partial; the rest is kept, and --force completes it")
        func sourceError() async throws {
            let small = try await SmallWorld(until: .collect)
            for (call, number) in [("pread", 1), ("pread", 4), ("open", 5), ("open", 8)] {
                let world = try await SmallWorld.copy(of: small.before)
                let injection = Injection(
                    calls: [call], when: number, action: .error(EIO), below: world.source + "/web1/")
                let result = try await world.stage(.collect, Pipeline.run, [], injection)
                #expect(result.status == 3, "\(injection): \(result)")
                #expect(result.errors.contains(world.source + "/"), "\(result)")
                let state = try world.state(.collect)
                #expect(state.state == "partial" && !state.warnings.isEmpty, "\(injection): \(state)")
                // It is told again, and nothing is done, until somebody asks for it.
                try await world.expect(.collect, [world.job.name, "--run", Pipeline.run], status: 3)
                try await world.night(Pipeline.run, [.pack, .ship])

                let restore = try await StockRestore(world, Pipeline.run)
                var skips = 0
                for (host, tree) in small.sources {
                    let skipped = restore.skipped(host)
                    skips += skipped.count
                    var kept = tree
                    for path in skipped.keys {
                        kept.entries = kept.entries.filter { $0.key != path && !$0.key.hasPrefix(path + "/") }
                    }
                    let differences = restore.differences(host, to: kept, [.mode, .owner, .fileTimes])
                    #expect(differences == [], "\(injection)")
                }
                #expect(skips > 0, "\(injection)")

                try await world.expect(.collect, [world.job.name, "--run", Pipeline.run, "--force"])
                try await world.night(Pipeline.run, [.pack, .ship])
                let differences = try await world.stockDifferences(to: small.sources)
                #expect(differences == [], "\(injection)")
            }
        }
    }
}

extension PipelineTests {
    /// File systems that are really full.
    @Suite(.needsMountNamespaces)
    struct NoSpaceTests {
        /// Runs all programs twice in a mount namespace of their own: with `place` on a small memory file system, and
        /// once more after that has grown.
        ///
        /// What is there in the end is put in the place of the mount point.
        private static let script = """
            set -u
            place=$1 size=$2 bin=$3 errors=$4
            mkdir -p "$place"
            mount -t tmpfs -o "size=$size,mode=700" small "$place" || exit 99
            "$bin/collect" init --local >/dev/null || exit 98
            for program in collect pack ship; do
                "$bin/$program" logs --run 2025-11-19 >>"$errors" 2>&1
                echo "$?"
            done
            mount -o remount,size=64m "$place" || exit 97
            for program in collect pack ship; do
                "$bin/$program" logs --run 2025-11-19 >>"$errors.2" 2>&1
                echo "$?"
            done
            cp -a "$place" "$place.copy"
            umount "$place"
            rm -rf "$place"
            mv "$place.copy" "$place"
            """

        private func fill(_ place: KeyPath<Pipeline, String>, _ size: String) async throws
            -> (world: Pipeline, statuses: [Int32], errors: String)
        {
            let world = try Pipeline()
            try await SmallWorld.fill(world)
            let sources = try await world.sourceTrees()
            let errors = world.root + "/errors"
            let bin = Pipeline.split(Program.collect.path).directory
            let result = try await TestSupport.run(
                ["unshare", "-m", "bash", "-c", Self.script, "bash", world[keyPath: place], size, bin, errors],
                environment: world.environment)
            let statuses = result.lines.compactMap { Int32($0) }
            #expect(result.status == 0 && statuses.count == 6, "\(result)")
            #expect(statuses.suffix(3) == [0, 0, 0], "\(result)")
            let text = String(decoding: try world.read(errors), as: UTF8.self)
            #expect(text.contains("no space left on device") && text.contains(world[keyPath: place]), "\(text)")
            let differences = try await world.stockDifferences(to: sources)
            let remains = try await world.remains()
            #expect(differences == [])
            #expect(remains == [])
            return (world, statuses, text)
        }

        @Test("A full staging fails collect; with room the same commands complete")
        func staging() async throws {
            let (_, statuses, errors) = try await fill(\.staging, "2m")
            #expect([1, 3].contains(statuses.first), "\(statuses) \(errors)")
        }

        @Test("A staging that is full once the hosts are collected fails pack; with room the same commands complete")
        func stagingForPack() async throws {
            let (_, statuses, errors) = try await fill(\.staging, "5400k")
            #expect(statuses.first == 0, "\(statuses) \(errors)")
            #expect([1, 3].contains(statuses.dropFirst().first), "\(statuses) \(errors)")
        }

        @Test("A full vault fails ship, with nothing half-made in it; with room the same commands complete")
        func vault() async throws {
            let (_, statuses, errors) = try await fill(\.vault, "200k")
            #expect(statuses.prefix(2) == [0, 0], "\(statuses) \(errors)")
            #expect([1, 3].contains(statuses.dropFirst(2).first), "\(statuses) \(errors)")
        }
    }
}
