import Glibc
package import Platform

/// A Ceph object gateway of the tests with HTTP and TLS, started once for a test process and killed with it.
///
/// Its state lies in a private temporary directory, and its ports are free ones: others may run beside it.
package final class RGWServer: Sendable {
    package let http: String
    package let tls: String
    /// The certificate that TLS is trusted by.
    package let certificate: String
    package let accessKey: String
    package let secretKey: String
    private let directory: String

    /// Whether Ceph is installed.
    package static var isInstalled: Bool {
        ["radosgw", "ceph-mon", "ceph-osd"].allSatisfy { access("/usr/bin/\($0)", X_OK) == 0 }
    }

    /// What a test that needs the server says when it is left out.
    package static let reason = "needs Ceph: radosgw, ceph-mon, ceph-osd and ceph-common of Debian"

    /// The server of this process.
    ///
    /// - Throws: what its script printed when it doesn't start.
    package static func shared() throws(Fault) -> RGWServer { try server.get() }

    private static let server: Result<RGWServer, Fault> = {
        do { return .success(try RGWServer()) } catch { return .failure(.wrapping(error)) }
    }()

    private init() throws {
        let place = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(place)/coldchain-rgw.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Fault.lastSystem("make directory", place) }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let script = "\(Repository.root)/scripts/rgw.sh"
        // Daemons outlive the process that started them, so a shell waits for the end of the tests and takes them down. It
        // has left this group before the call returns, which kills the group.
        let watch =
            "(while kill -0 \(getpid()) 2>/dev/null; do sleep 1; done; \"$0\" down \"$1\"; rm -rf \"$1\") </dev/null >/dev/null 2>&1 &"
        _ = try runBlocking(["setsid", "--wait", "sh", "-c", watch, script, directory])
        let result = try runBlocking([script, "up", directory], timeout: 180)
        guard result.status == 0 else { throw Fault(.io, "\(script): \(result)") }
        var values: [String: String] = [:]
        for line in result.lines {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
        }
        http = values["HTTP", default: ""]
        tls = values["TLS", default: ""]
        certificate = values["CA", default: ""]
        accessKey = values["ACCESS_KEY", default: ""]
        secretKey = values["SECRET_KEY", default: ""]
    }

    /// What the gateway has logged.
    package func log() -> String {
        (try? Directory.open("\(directory)/log").readFile("client.rgw.a.log")).map {
            String(decoding: $0, as: UTF8.self)
        }
            ?? ""
    }
}
