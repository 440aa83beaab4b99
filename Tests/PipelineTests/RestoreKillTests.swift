import Glibc
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// A restore that is ended in the middle, and run again.
    @Suite
    struct RestoreKillTests {
        @Test(
            "A restore that is killed or told to stop goes on when it is run again, ends right, and leaves nothing else",
            arguments: [
                (SIGKILL, "write", 2), (SIGKILL, "write", 6), (SIGKILL, "chmod", 3), (SIGKILL, "link", 2),
                (SIGTERM, "write", 2), (SIGTERM, "write", 6),
            ])
        func again(_ number: Int32, _ call: String, _ count: Int) async throws {
            let world = try Pipeline(
                {
                    var job = Pipeline.Job()
                    job.lines = ["member = \"{host}/{tenant}/{rest}\""]
                    return job
                }())
            try await SmallWorld.fill(world)
            try await world.initialize()
            try await world.night()
            let place = world.root + "/restored"
            let arguments = ["restore", "logs", "--run", Pipeline.run, "--to", place]
            let held = try await HeldProgram(
                world, .ship, call, count, below: place, arguments: arguments)
            held.child.signal(number)
            if number == SIGTERM {
                // The thread that takes signals is given the time to do so before the work goes on.
                try await Task.sleep(nanoseconds: 100_000_000)
                held.go()
            }
            let ending = try await held.child.wait(timeout: 20)
            #expect(ending == (number == SIGKILL ? .signalled(SIGKILL) : .exited(143)))

            let again = try await world.expect(.ship, arguments + ["--progress", "always"])
            // What was there is kept, and the way is shown.
            #expect(again.errors.contains("restore logs \(Pipeline.run): "), "\(again)")
            let (restored, source) = try await onOwnThread { (try FileTree(place), try FileTree(world.source)) }
            let differences = source.differences(to: restored, [.mode, .owner, .fileTimes, .linkTimes, .hardLinks])
                .filter { !$0.hasPrefix("~ web1: ") && !$0.hasPrefix("~ web2: ") }
            #expect(differences == [])
            let last = try await world.expect(.ship, arguments)
            #expect(last.output.hasPrefix("0 restored"), "\(last)")
        }
    }
}
