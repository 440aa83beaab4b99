import Glibc
import Platform
import TestSupport
import Testing

// Each takes the signals of a whole process, so each has a process of its own.
@Suite(.timeLimit(.minutes(10)))
struct ShutdownTests {
    @Test(arguments: [SIGTERM, SIGINT, SIGHUP])
    func `the first signal asks and the second ends at once`(number: Int32) async {
        await #expect(processExitsWith: .exitCode(128 + number)) { [number = number as Int32] in
            try Shutdown.check()
            #expect(Shutdown.requested == nil)
            let before = threads()
            Shutdown.install()
            // A signal to a whole process goes to a thread that takes it, and this process has some from before that do
            // not block it, unlike a program. So the signal goes straight to the thread that waits for it.
            let listeners = threads().subtracting(before)
            for thread in listeners { _ = tgkill(getpid(), thread, number) }
            for _ in 0..<2_000 where Shutdown.requested == nil { usleep(5_000) }
            guard Shutdown.requested == number else { _exit(2) }
            let fault = #expect(throws: Fault.self) { try Shutdown.check() }
            guard fault?.code == .interrupted else { _exit(3) }
            for thread in listeners { _ = tgkill(getpid(), thread, number) }
            sleep(10)
            _exit(4)
        }
    }

    @Test func `a write to a closed pipe is a fault and not the end`() async {
        await #expect(processExitsWith: .success) {
            Shutdown.install()
            var ends: [Int32] = [-1, -1]
            #expect(pipe(&ends) == 0)
            close(ends[0])
            #expect(write(ends[1], "x", 1) == -1)
            #expect(errno == EPIPE)
        }
    }
}

/// The threads of this process by number.
private func threads() -> Set<Int32> {
    guard let names = try? Directory.open("/proc/self/task").names() else { _exit(5) }
    return Set(names.compactMap { Int32($0.description) })
}

@_silgen_name("tgkill")
private func tgkill(_ process: Int32, _ thread: Int32, _ number: Int32) -> Int32
