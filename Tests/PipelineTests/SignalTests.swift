import Glibc
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// Signals that ask to stop, while a program is in the middle of its work.
    @Suite
    struct SignalTests {
        /// All after the stage record was opened: a program that is stopped while it plans has nothing to record.
        private static let moments: [(Program, String, Int)] = [
            (.collect, "write", 6), (.collect, "rename", 3), (.pack, "write", 12), (.pack, "rename", 4),
            (.ship, "write", 5), (.ship, "rename", 4),
        ]

        @Test(
            "SIGTERM lets a program end in order: status 143, a record that says so, and a rerun completes",
            arguments: moments)
        func terminated(_ program: Program, _ call: String, _ number: Int) async throws {
            let small = try await SmallWorld(until: program)
            let world = try await SmallWorld.copy(of: small.before)
            let held = try await HeldProgram(world, program, call, number, below: world.root + "/")
            held.child.signal(SIGTERM)
            // The thread that takes signals is given the time to do so before the work goes on.
            try await Task.sleep(nanoseconds: 100_000_000)
            held.go()
            let ending = try await held.child.wait(timeout: 20)
            #expect(ending == .exited(143))
            let state = try world.state(program)
            let reasons = state.failed.map(\.why).joined(separator: "; ")
            #expect(state.state == "failed" && reasons.contains("stopped by a signal"), "\(state)")
            let broken = try await Claims.broken(world)
            #expect(broken == [])
            try await small.completes(world, "\(program.rawValue) after SIGTERM")
        }

        @Test("SIGINT and SIGHUP end a program with 130 and 129", arguments: [SIGINT, SIGHUP])
        func others(_ number: Int32) async throws {
            let small = try await SmallWorld(until: .collect)
            let world = try await SmallWorld.copy(of: small.before)
            let held = try await HeldProgram(world, .collect, "write", 5, below: world.root + "/")
            held.child.signal(number)
            try await Task.sleep(nanoseconds: 100_000_000)
            held.go()
            let ending = try await held.child.wait(timeout: 20)
            #expect(ending == .exited(128 + number))
            try await small.completes(world, "collect after signal \(number)")
        }

        @Test("A second SIGTERM ends a program at once", arguments: Program.allCases)
        func twice(_ program: Program) async throws {
            let small = try await SmallWorld(until: program)
            let world = try await SmallWorld.copy(of: small.before)
            let held = try await HeldProgram(world, program, "write", 3, below: world.root + "/")
            held.child.signal(SIGTERM)
            try await Task.sleep(nanoseconds: 200_000_000)
            let between = held.child.ending
            #expect(between == nil)
            held.child.signal(SIGTERM)
            // Nobody lets it go on.
            let ending = try await held.child.wait(timeout: 5)
            #expect(ending == .exited(143))
            let broken = try await Claims.broken(world)
            #expect(broken == [])
            try await small.completes(world, "\(program.rawValue) after two SIGTERM")
        }

        // MARK: Locks

        @Test(
            "Two attempts of the same run at once: the second ends with 75 and names the first",
            arguments: Program.allCases)
        func twoAtOnce(_ program: Program) async throws {
            let small = try await SmallWorld(until: program)
            let world = try await SmallWorld.copy(of: small.before)
            let held = try await HeldProgram(world, program, "write", 4, below: world.root + "/")
            let second = try await world.stage(program)
            let breaking = try await world.stage(program, Pipeline.run, ["--break-lock"])
            let status = try await world(program, ["status"])
            #expect(second.status == 75 && second.errors.contains("process \(held.child.pid)"), "\(second)")
            // A lock whose holder lives here can't be broken.
            #expect(breaking.status == 75 && breaking.errors.contains("process \(held.child.pid)"), "\(breaking)")
            #expect(status.output.contains("running"), "\(status)")
            held.go()
            let ending = try await held.child.wait(timeout: 20)
            #expect(ending == .exited(0))
            try await small.completes(world, "two at once")
        }

        @Test(
            "The lock of a killed process is taken over, and status calls it dead until then",
            arguments: Program.allCases)
        func takenOver(_ program: Program) async throws {
            let small = try await SmallWorld(until: program)
            let world = try await SmallWorld.copy(of: small.before)
            let held = try await HeldProgram(world, program, "write", 6, below: world.root + "/")
            held.child.signal(SIGKILL)
            let ending = try await held.child.wait(timeout: 5)
            #expect(ending == .signalled(9))
            let remains = try await world.remains()
            #expect(remains.contains("staging/logs/2025-11-19/.\(program.rawValue).lock"))
            let status = try await world(program, ["status"])
            #expect(status.output.contains("dead"), "\(status)")
            try await small.completes(world, "after a kill")
        }

        @Test("The lock of another server gives 75 with advice; --break-lock takes it", arguments: Program.allCases)
        func otherServer(_ program: Program) async throws {
            let small = try await SmallWorld(until: program)
            let world = try await SmallWorld.copy(of: small.before)
            let lock = """
                {"attempt":"0123","boot":"b","host":"elsewhere","pid":4711,"since":"2025-11-20T01:02:03Z"}
                """
            let place = try TreeBuilder(world.runDirectory())
            try place.file(ByteString(".\(program.rawValue).lock"), text: lock)
            let refused = try await world.stage(program)
            #expect(refused.status == 75, "\(refused)")
            #expect(refused.errors.contains("elsewhere") && refused.errors.contains("4711"), "\(refused)")
            #expect(refused.errors.contains("--break-lock"), "\(refused)")
            let taken = try await world.stage(program, Pipeline.run, ["--break-lock"])
            #expect(taken.status == 0, "\(taken)")
            try await small.completes(world, "after --break-lock")
        }

        @Test("The ledger's lock of another server holds back the manifests alone, with 75; --break-lock takes it")
        func ledgerLock() async throws {
            let small = try await SmallWorld(until: .ship)
            let world = try await SmallWorld.copy(of: small.before)
            let lock = """
                {"attempt":"0123","boot":"b","host":"elsewhere","pid":4711,"since":"2025-11-20T01:02:03Z"}
                """
            try TreeBuilder("\(world.staging)/logs/ledger").file(".lock", text: lock)
            let refused = try await world.stage(.ship)
            let state = try world.state(.ship)
            #expect(refused.status == 75 && refused.errors.contains("elsewhere"), "\(refused)")
            #expect(refused.errors.contains("--break-lock"), "\(refused)")
            #expect(state.state == "partial" && state.done == 4, "\(state)")
            let broken = try await Claims.broken(world)
            #expect(broken == [])
            let taken = try await world.stage(.ship, Pipeline.run, ["--break-lock"])
            #expect(taken.status == 0, "\(taken)")
            try await small.completes(world, "after the ledger's lock was broken")
        }
    }
}
