import Glibc
package import Platform

/// A moto server of the tests, which plays what no other server here has: objects that must be restored, inventory
/// configurations, stored checksums.
///
/// It takes any digest and any key, so it proves nothing of what a store refuses; its restores are done at once.
package final class MotoServer: Sendable {
    package let http: String
    private let process: ChildProcess

    /// Whether moto is installed.
    package static var isInstalled: Bool { program != nil }

    /// What a test that needs the server says when it is left out.
    package static let reason = "needs moto_server of the Python package moto[server]"

    private static let program: String? = Repository.pythonProgram("moto_server")

    /// The server of this process.
    package static func shared() throws(Fault) -> MotoServer { try server.get() }

    private static let server: Result<MotoServer, Fault> = {
        do { return .success(try MotoServer()) } catch { return .failure(.wrapping(error)) }
    }()

    private init() throws {
        guard let program = Self.program else { throw Fault(.notFound, "moto_server is not installed") }
        let free = try runBlocking([
            "python3", "-c", "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])",
        ])
        guard let port = free.lines.first else { throw Fault(.io, "no free port: \(free)") }
        http = "http://127.0.0.1:\(port)"
        // A shell watches over it, since it would outlive tests that are killed.
        let script = """
            "$0" -H 127.0.0.1 -p "$1" & server=$!
            trap 'kill $server' EXIT TERM
            while kill -0 "$2" 2>/dev/null && kill -0 $server 2>/dev/null; do sleep 1; done
            """
        process = try ChildProcess(["sh", "-c", script, program, port, "\(getpid())"], log: "/dev/null")
        let end = Clock.monotonic() + 60
        while Clock.monotonic() < end {
            let answer = try runBlocking(["curl", "-fsS", "-o", "/dev/null", "--noproxy", "*", "\(http)/moto-api/"])
            if answer.status == 0 { return }
            usleep(200_000)
        }
        throw Fault(.io, "moto does not answer")
    }
}
