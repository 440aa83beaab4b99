import Platform
import TestSupport
import Testing

/// A mail server and a web server on loopback that keep what they get; Python's standard library plays them.
///
/// The web server takes what is posted, and refuses all else.
///
/// What arrived is one JSON line each in ``log``: `{"mail": ...}` or `{"path": ..., "body": ...}`.
final class NotifySink: Sendable {
    private let directory: TemporaryDirectory
    private let server: ChildProcess
    let smtpPort: Int
    let httpPort: Int

    private static let program = """
        import http.server, json, socketserver, sys, threading
        out = open(sys.argv[1], "a", buffering=1)
        class Mail(socketserver.StreamRequestHandler):
            def handle(self):
                say = lambda text: self.wfile.write(text.encode() + b"\\r\\n")
                say("220 sink")
                to, data = [], None
                while line := self.rfile.readline():
                    word = line.decode().strip()
                    if word.upper().startswith("RCPT TO:"): to.append(word[8:].split()[0])
                    if word.upper() == "DATA":
                        say("354 go on")
                        lines = []
                        while (line := self.rfile.readline()) != b".\\r\\n": lines.append(line.decode())
                        out.write(json.dumps({"mail": "".join(lines), "to": to}) + "\\n")
                    if word.upper() == "QUIT":
                        say("221 bye")
                        return
                    say("250 ok")
        class Web(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                out.write(json.dumps({"path": self.path, "body": body, "auth": self.headers.get("Authorization", "")}) + "\\n")
                answer = f"no hook {self.path}".encode() if "broken" in self.path else b""
                self.send_response(500 if answer else 204)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            def do_GET(self):
                self.send_response(403)
                self.send_header("Content-Length", "0")
                self.end_headers()
            do_HEAD = do_PUT = do_GET
            def log_message(self, *arguments): pass
        class Server(socketserver.ThreadingMixIn, socketserver.TCPServer): daemon_threads = True
        mail, web = Server(("127.0.0.1", 0), Mail), Server(("127.0.0.1", 0), Web)
        threading.Thread(target=mail.serve_forever, daemon=True).start()
        print(mail.server_address[1], web.server_address[1], flush=True)
        web.serve_forever()
        """

    init() async throws {
        directory = try TemporaryDirectory()
        let path = directory.path
        try TreeBuilder(path).file("sink.py", text: Self.program)
        server = try ChildProcess(["python3", path + "/sink.py", path + "/log"], log: path + "/ports")
        let began = try await eventually { try Self.text(path, "ports").contains("\n") }
        let ports = try Self.text(path, "ports").split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        try #require(began && ports.count == 2)
        (smtpPort, httpPort) = (ports[0], ports[1])
    }

    private static func text(_ path: String, _ name: ByteString) throws(Fault) -> String {
        let place = try Directory.open(path)
        return try place.exists(name) ? String(decoding: try place.readFile(name), as: UTF8.self) : ""
    }

    /// What has arrived, one JSON object a line.
    func lines() throws -> [String] {
        try Self.text(directory.path, "log").split(separator: "\n").map(String.init)
    }
}
