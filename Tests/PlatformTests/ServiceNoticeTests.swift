import Glibc
import Platform
import TestSupport
import Testing

/// One test, since the variable belongs to the whole process.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct ServiceNoticeTests {
    @Test("A notice is one datagram to the service manager's socket; without one nothing happens")
    func sent() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/notify"
        let program = """
            import socket, sys
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            s.bind(sys.argv[1])
            s.settimeout(200)
            print(s.recv(4096).decode(), end='')
            """
        ServiceNotice.send("STATUS=nobody hears this")
        async let heard = run(["python3", "-c", program, path], timeout: 250)
        try #require(try await eventually(timeout: 200) { access(path, F_OK) == 0 })
        setenv("NOTIFY_SOCKET", path, 1)
        defer { unsetenv("NOTIFY_SOCKET") }
        ServiceNotice.send("STATUS=3 of 24 hosts")
        #expect(try await heard.output == "STATUS=3 of 24 hosts")
    }
}
