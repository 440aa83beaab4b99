import Glibc
import Subprocess
import SystemPackage

/// A program that runs beside this one and talks through its standard input and output.
///
/// It has a session of its own, so that it neither asks at the terminal nor gets a Ctrl-C that was meant for us, and it
/// ends when ``connection`` is closed, be it by our death. What it says on standard error is kept, but for all but the
/// last few kilobytes.
package final class ConnectedProcess: Sendable {
    /// How a child ended.
    package enum End: Sendable, Equatable {
        case exited(Int32)
        case signalled(Int32)
        /// It could not be started; with the reason.
        case notStarted(String)
    }

    private struct State {
        var end: End?
        var errors: [UInt8] = []
        var hasErrorsEnded = false
    }

    /// Our end of the child's standard input and output.
    package let connection: StreamSocket
    private let state = Monitor(State())
    private let task: Task<Void, Never>

    private static let keptErrors = 8 << 10

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - program: a path, or a name that is looked up in `PATH`.
    ///   - arguments: what stands behind the program's name.
    ///   - name: what stands in messages.
    ///   - secrets: variables of the environment that it needs though they hold secrets.
    /// - Throws: `limit` when there is no descriptor or thread left; a program that can't be started is an ``End``.
    package init(_ program: String, _ arguments: [String], name: String, secrets: Set<String> = []) throws(Fault) {
        let hidden = ChildEnvironment.hidden.subtracting(secrets)
        let (ours, theirs) = try StreamSocket.pair(name)
        connection = ours
        let (errors, complaints): (StreamSocket, Int32)
        do { (errors, complaints) = try StreamSocket.pair(name) } catch {
            _ = close(theirs)
            throw error
        }
        // A second descriptor, since the library closes each that it is given.
        let output = fcntl(theirs, F_DUPFD_CLOEXEC, 3)
        let state = state
        task = Task.detached {
            let end = await Self.run(program, arguments, input: theirs, output: output, complaints, without: hidden)
            state.change { $0.end = end }
        }
        let reader = ThreadCrew()
        try reader.start("child-errors") {
            let buffer = Buffer(capacity: 4 << 10)
            while let count = try? errors.read(into: buffer.bytes), count > 0 {
                buffer.count = count
                state.with { state in
                    state.errors.append(contentsOf: buffer.contents)
                    if state.errors.count > Self.keptErrors {
                        state.errors.removeFirst(state.errors.count - Self.keptErrors)
                    }
                }
            }
            state.change { $0.hasErrorsEnded = true }
        }
    }

    private static func run(
        _ program: String, _ arguments: [String], input: Int32, output: Int32, _ complaints: Int32,
        without hidden: Set<String>
    ) async -> End {
        var changes: [Environment.Key: String?] = [:]
        for name in hidden { changes[Environment.Key(stringLiteral: name)] = .some(nil) }
        // Its words end up in messages, and some are looked for.
        changes["LC_ALL"] = "C"
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(2))]
        do {
            let result = try await Subprocess.run(
                program.contains("/") ? .path(FilePath(program)) : .name(program),
                arguments: Arguments(arguments),
                environment: .inherit.updating(changes),
                platformOptions: options,
                input: .fileDescriptor(FileDescriptor(rawValue: input), closeAfterSpawningProcess: true),
                output: .fileDescriptor(FileDescriptor(rawValue: output), closeAfterSpawningProcess: true),
                error: .fileDescriptor(FileDescriptor(rawValue: complaints), closeAfterSpawningProcess: true))
            switch result.terminationStatus {
            case .exited(let status): return .exited(status)
            case .signaled(let number): return .signalled(number)
            }
        } catch {
            return .notStarted("\(error)")
        }
    }

    /// Ends the connection and the child: it is asked first, and killed after two seconds.
    package func stop() {
        connection.shutdown()
        task.cancel()
    }

    /// Waits until the child has ended; call ``stop()`` first, or know that it does.
    package func wait() -> End { state.wait { $0.end } }

    /// Waits until the child has ended; nothing when it has not within `milliseconds`.
    package func wait(milliseconds: Int) -> End? {
        let end = Clock.monotonic() + Double(milliseconds) / 1_000
        while true {
            if let end = state.with({ $0.end }) { return end }
            if Clock.monotonic() > end { return nil }
            usleep(10_000)
        }
    }

    /// What the child said on standard error at last, by lines, none of them empty.
    ///
    /// Once the child has ended it waits until all has arrived, but for no longer than a second: a program that the child
    /// has started may keep its standard error open.
    package func lastWords() -> [String] {
        let end = Clock.monotonic() + 1
        while state.with({ $0.end != nil && !$0.hasErrorsEnded }), Clock.monotonic() < end { usleep(1_000) }
        let bytes = state.with { $0.errors }
        return bytes.split { $0 == 0x0A || $0 == 0x0D }.map { ByteString($0).description }
    }
}
