import Glibc
import Platform
import TestSupport

/// A program that waits at one of its calls until ``go()``.
struct HeldProgram {
    let world: Pipeline
    let child: ChildProcess
    private let mark: String

    /// Starts it, and waits until it is there.
    ///
    /// - Parameters:
    ///   - world: where.
    ///   - program: the program.
    ///   - call: the kind of call.
    ///   - number: which of them, from 1.
    ///   - below: only calls on paths with this prefix.
    ///   - arguments: other ones than those of the stage for the run.
    ///   - more: further variables of its environment.
    /// - Throws: `io` when it does not come to that call.
    init(
        _ world: Pipeline, _ program: Program, _ call: String, _ number: Int, below: String,
        arguments: [String]? = nil, environment more: [String: String?] = [:]
    ) async throws {
        self.world = world
        mark = world.root + "/fault.mark"
        let injection = Injection(calls: [call], when: number, action: .hold, below: below, mark: mark)
        let changes = injection.environment(try await FaultLibrary.shared.path())
        child = try ChildProcess(
            [program.path] + (arguments ?? [world.job.name, "--run", Pipeline.run]),
            environment: world.environment.merging(changes) { $1 }.merging(more) { $1 },
            log: world.root + "/held.log")
        let (child, mark) = (child, mark)
        let isHeld = try await eventually { access(mark, F_OK) == 0 || child.ending != nil }
        guard isHeld, child.ending == nil else { throw Fault(.io, "\(program.rawValue) did not come to \(call)") }
    }

    func go() { unlink(mark) }
}
