import Platform
import TestSupport
import Testing

extension InjectionTests {
    /// kill -9 of the commands that delete, each time followed by what an operator does: run it again.
    @Suite struct PruneCrashTests {
        private static let days = ["2025-11-16", "2025-11-17", "2025-11-18", "2025-11-19"]
        /// Directories that were made on the way have no times of their own.
        private static let aspects: FileTree.Aspects = [.mode, .owner, .fileTimes, .linkTimes, .hardLinks]
        private static let calls = ["write", "fsync", "rename", "unlink", "mkdir"]
        private static let most = 6
        private static let commands: [(Program, [String])] = [
            (.ship, ["prune", "logs", "--expire"]), (.collect, ["prune", "logs"]), (.pack, ["prune", "logs"]),
        ]

        /// Four nights: all but one file is carried from the first of them, and of the others the next prune removes one,
        /// marks one, and puts one into quarantine.
        private func base() async throws -> Pipeline {
            var job = Pipeline.Job()
            job.lines = [
                "member = \"{host}/{tenant}/{rest}\"", "[retention]", "keep_last = 1", "grace = \"0 days\"",
                "keep_local = \"0 days\"",
            ]
            let world = try Pipeline(job)
            try await SmallWorld.fill(world)
            try await world.initialize()
            for (number, day) in Self.days.enumerated() {
                try await world.shell(
                    """
                    echo "night $2" > "$1/web1/acme/changing"
                    touch -d "2025-11-18 0$2:00:00" "$1/web1/acme/changing"
                    """, [world.source, "\(number)"])
                try await world.night(day)
                if number == 1 || number == 2 { try await world.expect(.ship, ["prune", "logs"]) }
            }
            return world
        }

        private func restored(_ world: Pipeline) async throws -> FileTree {
            let place = world.root + "/restored-\(RandomID.make())"
            try await world.expect(.ship, ["restore", "logs", "--run", Self.days[3], "--to", place])
            return try await onOwnThread { try FileTree(place) }
        }

        /// What a command leaves once it has nothing left to do; names of batches are random, and of a run of which nothing
        /// is left to prune nobody takes the locks again.
        private func settled(_ world: Pipeline, _ program: Program, _ arguments: [String], _ what: String) async throws
            -> [String]
        {
            for _ in 0..<(program == .ship ? 5 : 2) {
                let result = try await world(program, arguments)
                #expect(result.status == 0, "\(what), again: \(result)")
            }
            // Only ship takes marks away.
            let remains = try await world.remains().filter {
                !$0.hasSuffix(".lock") && !(program != .ship && $0.hasSuffix(".retired"))
            }
            #expect(remains == [], "\(what)")
            return try await world.paths().filter {
                !$0.hasPrefix("vault/logs/_ledger/_audit/") && !$0.hasSuffix(".lock")
            }
        }

        @Test(
            "A prune killed at any call has removed nothing that is needed, and the same command again completes it",
            .timeLimit(.minutes(4)),
            arguments: commands)
        func kill(_ program: Program, _ arguments: [String]) async throws {
            let base = try await base()
            let expected = try await restored(base)
            let whole = try await SmallWorld.copy(of: base)
            let mark = whole.root + "/fault.mark"
            let counting = Injection(calls: Self.calls, action: .count, below: whole.root + "/", mark: mark)
            let counted = try await whole(program, arguments, counting)
            #expect(counted.status == 0, "\(counted)")
            let count = Int(String(decoding: try whole.read(mark), as: UTF8.self).filter(\.isNumber)) ?? 0
            #expect(count > 5)
            let goal = try await settled(whole, program, arguments, "never killed")
            let left = goal.filter { $0.hasSuffix(".tar.gz") && $0.contains("web1") && $0.hasPrefix("vault/") }
            // Of the first run it is needed by all, and of the last by itself.
            #expect(program != .ship || left.count == 3, "\(left)")
            try await sideBySide(stride(from: 1, through: count, by: max(1, count / Self.most))) { number in
                let world = try await SmallWorld.copy(of: base)
                let injection = Injection(
                    calls: Self.calls, when: number, action: .kill, below: world.root + "/")
                let what = "\(program.rawValue) \(arguments), \(injection) of \(count)"
                let killed = try await world(program, arguments, injection)
                #expect(killed.ending == .signalled(9) || killed.status == 0, "\(what): \(killed)")
                let after = try await restored(world)
                #expect(expected.differences(to: after, Self.aspects) == [], "\(what)")
                // What was removed from staging is known to be pruned, and not lost.
                for stage in Program.allCases {
                    let again = try await world.stage(stage, Self.days[2])
                    #expect(again.status == 0, "\(what), then \(stage.rawValue): \(again)")
                }
                let paths = try await settled(world, program, arguments, what)
                #expect(Set(paths).subtracting(goal).sorted() == [], "\(what)")
                #expect(Set(goal).subtracting(paths).sorted() == [], "\(what)")
                let verified = try await world(.ship, ["verify", "logs", "--sample", "100"])
                #expect(verified.status == 0, "\(what): \(verified)")
            }
        }
    }
}
