package import Glibc
import Platform

/// How a child process ended.
package enum Ending: Equatable, Sendable, CustomStringConvertible {
    case exited(Int32)
    case signalled(Int32)
    /// The deadline passed; the whole process group was killed.
    case killedAtDeadline

    init(waitStatus: Int32) {
        // The macros of wait(2), which Swift can't import.
        self = waitStatus & 0x7F == 0 ? .exited((waitStatus >> 8) & 0xFF) : .signalled(waitStatus & 0x7F)
    }

    package var description: String {
        switch self {
        case .exited(let status): "exit status \(status)"
        case .signalled(let number): "ended by signal \(number)"
        case .killedAtDeadline: "killed at the deadline"
        }
    }
}

/// What a child process left.
package struct RunResult: Sendable, CustomStringConvertible {
    package let ending: Ending
    package let stdout: [UInt8]
    package let stderr: [UInt8]

    /// The exit status; 128 + n for signal n, as a shell tells it; -1 at the deadline.
    package var status: Int32 {
        switch ending {
        case .exited(let status): status
        case .signalled(let number): 128 + number
        case .killedAtDeadline: -1
        }
    }

    package var output: String { String(decoding: stdout, as: UTF8.self) }
    package var errors: String { String(decoding: stderr, as: UTF8.self) }
    /// The lines of the standard output, without the last empty one.
    package var lines: [String] {
        output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    package var description: String { "\(ending)\nstdout: \(output)\nstderr: \(errors)" }
}

/// Runs a program to its end without blocking the cooperative pool.
///
/// The child has its own process group, no descriptor of this process but the three, no blocked signal; whatever is left
/// of its group when it ends is killed. The program is searched in PATH.
///
/// - Parameters:
///   - argv: the program and its arguments.
///   - environment: variables set on top of this process's; nil removes one.
///   - directory: where the child works; where this process does without one.
///   - stdin: what the child reads.
///   - timeout: seconds until the whole group is killed.
/// - Returns: how the child ended and what it wrote.
/// - Throws: when the program can't be started.
package func run(
    _ argv: [String], environment: [String: String?] = [:], directory: String? = nil, stdin: [UInt8] = [],
    timeout: Double = 60
) async throws -> RunResult {
    try await onOwnThread {
        try runBlocking(argv, environment: environment, directory: directory, stdin: stdin, timeout: timeout)
    }
}

/// As ``run(_:environment:directory:stdin:timeout:)``, for a thread that may block.
package func runBlocking(
    _ argv: [String], environment: [String: String?] = [:], directory: String? = nil, stdin: [UInt8] = [],
    timeout: Double = 60
) throws -> RunResult {
    let end = Clock.monotonic() + timeout
    let (input, output, errors) = (try Pipe(), try Pipe(), try Pipe())
    let pid = try spawn(
        argv, environment: environment, directory: directory,
        descriptors: [input.reading, output.writing, errors.writing])
    input.closeReading()
    output.closeWriting()
    errors.closeWriting()

    // One feeder and one drain each, so that a child that fills one pipe while we wait on another can't stop both.
    let crew = ThreadCrew()
    let (out, err) = (Monitor(Drain()), Monitor(Drain()))
    try crew.start("feed") { input.feed(stdin, until: end) }
    try crew.start("drain-out") { output.drain(into: out, until: end) }
    try crew.start("drain-err") { errors.drain(into: err, until: end) }

    // Seen but not reaped: as long as the leader is there, no other group can have its number.
    // Most programs end within milliseconds, and hundreds of tests run dozens of them.
    var isLate = false
    var pause: UInt32 = 100
    while !isEnded(pid) {
        if Clock.monotonic() > end {
            isLate = true
            break
        }
        usleep(pause)
        pause = min(pause * 5 / 4, 2_000)
    }
    _ = kill(-pid, SIGKILL)
    let status = reap(pid)
    // What the child wrote may still be in the pipes. Somebody who left the group and keeps them open has until the
    // deadline.
    try crew.join()
    return RunResult(
        ending: isLate ? .killedAtDeadline : Ending(waitStatus: status), stdout: out.with { $0.bytes },
        stderr: err.with { $0.bytes })
}

/// A program that runs beside a test (a server, a holder of a lock); its group is killed when the object goes.
package final class ChildProcess: Sendable {
    package let pid: pid_t
    private let state = Monitor<Ending?>(nil)

    /// Starts the program as ``run(_:environment:directory:stdin:timeout:)`` does; `log` takes what it writes.
    package init(
        _ argv: [String], environment: [String: String?] = [:], directory: String? = nil, log: String? = nil
    ) throws {
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard null >= 0 else { throw Fault.lastSystem("open", "/dev/null") }
        defer { close(null) }
        let sink = open(log ?? "/dev/null", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard sink >= 0 else { throw Fault.lastSystem("open", log ?? "/dev/null") }
        defer { close(sink) }
        pid = try spawn(argv, environment: environment, directory: directory, descriptors: [null, sink, sink])
    }

    deinit { stop() }

    /// How it ended, or nothing while it runs.
    package var ending: Ending? {
        state.with { ending in
            var status: Int32 = 0
            if ending == nil && waitpid(pid, &status, WNOHANG) == pid { ending = Ending(waitStatus: status) }
            return ending
        }
    }

    /// Sends a signal to its process group.
    package func signal(_ number: Int32) {
        state.with { if $0 == nil { _ = kill(-pid, number) } }
    }

    /// Waits for the end.
    ///
    /// - Returns: the ending; `killedAtDeadline` when it had to be killed after `timeout` seconds.
    package func wait(timeout: Double = 60) async throws -> Ending {
        if try await eventually(timeout: timeout, { ending != nil }), let ending { return ending }
        stop()
        return .killedAtDeadline
    }

    /// Kills its group and reaps it.
    package func stop() {
        state.with { ending in
            guard ending == nil else { return }
            _ = kill(-pid, SIGKILL)
            ending = Ending(waitStatus: reap(pid))
        }
    }
}

// MARK: Processes

private func spawn(
    _ argv: [String], environment: [String: String?], directory: String?, descriptors: [Int32]
) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let directory { _ = addChangeDirectory(&actions, directory) }
    for (target, source) in descriptors.enumerated() {
        posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
    }
    // A descriptor that somebody opened without O_CLOEXEC must not live on in the child.
    _ = addCloseFrom(&actions, 3)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var (none, all) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
        &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    let arguments = argv.map { strdup($0) } + [nil]
    let variables = mergedEnvironment(environment).map { strdup($0) } + [nil]
    defer { for pointer in arguments + variables { free(pointer) } }
    var pid = pid_t()
    let error = posix_spawnp(&pid, argv[0], &actions, &attributes, arguments, variables)
    guard error == 0 else { throw Fault.system(error, "start", argv[0]) }
    return pid
}

private func mergedEnvironment(_ changes: [String: String?]) -> [String] {
    var result: [String] = []
    var next = environ
    while let entry = next.pointee {
        let text = String(cString: entry)
        if changes[String(text.prefix { $0 != "=" })] == nil { result.append(text) }
        next += 1
    }
    for (name, value) in changes { if let value { result.append("\(name)=\(value)") } }
    return result
}

private func isEnded(_ pid: pid_t) -> Bool {
    var info = siginfo_t()
    return waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_signo == SIGCHLD
}

private func reap(_ pid: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    return status
}

// Glibc's module hides these three (GNU extensions); they take and return what fits a register, so that Swift's calling
// convention is C's.

@_silgen_name("pipe2")
private func pipe2(_ ends: UnsafeMutablePointer<Int32>, _ flags: Int32) -> Int32

@_silgen_name("posix_spawn_file_actions_addchdir_np")
private func addChangeDirectory(
    _ actions: UnsafeMutablePointer<posix_spawn_file_actions_t>, _ path: UnsafePointer<CChar>
) -> Int32

@_silgen_name("posix_spawn_file_actions_addclosefrom_np")
private func addCloseFrom(_ actions: UnsafeMutablePointer<posix_spawn_file_actions_t>, _ first: Int32) -> Int32

// MARK: Pipes

private struct Drain {
    var bytes: [UInt8] = []
    var isDone = false
}

/// Both ends of a pipe; reading and writing end at a deadline, whoever still holds the other end.
private final class Pipe: @unchecked Sendable {
    // Safe to share: each end is closed by the one thread that uses it.
    private(set) var reading: Int32
    private(set) var writing: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw Fault.lastSystem("make", "pipe") }
        (reading, writing) = (ends[0], ends[1])
    }

    deinit {
        closeReading()
        closeWriting()
    }

    func closeReading() {
        if reading >= 0 { close(reading) }
        reading = -1
    }

    func closeWriting() {
        if writing >= 0 { close(writing) }
        writing = -1
    }

    func drain(into drain: Monitor<Drain>, until end: Double) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        // A second after the deadline for what a killed child had written.
        while isReady(reading, POLLIN, until: end + 1) {
            let count = read(reading, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { break }
            drain.with { $0.bytes += buffer[..<count] }
        }
        drain.with { $0.isDone = true }
        closeReading()
    }

    func feed(_ bytes: [UInt8], until end: Double) {
        // A child that does not read its input ends this with EPIPE; the signal would end the test process.
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        _ = fcntl(writing, F_SETFL, O_NONBLOCK)
        var rest = bytes[...]
        while !rest.isEmpty && isReady(writing, POLLOUT, until: end) {
            let count = rest.withUnsafeBytes { write(writing, $0.baseAddress, $0.count) }
            if count >= 0 { rest = rest.dropFirst(count) } else if errno != EINTR && errno != EAGAIN { break }
        }
        closeWriting()
    }

    private func isReady(_ descriptor: Int32, _ events: Int32, until end: Double) -> Bool {
        while true {
            var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            let left = end - Clock.monotonic()
            guard left > 0 else { return false }
            if poll(&entry, 1, Int32(min(left * 1_000, 60_000)) + 1) > 0 { return true }
        }
    }
}
