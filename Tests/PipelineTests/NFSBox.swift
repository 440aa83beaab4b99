import Glibc
import Platform
import TestSupport

/// A real NFS server with one export, and that mounted, in namespaces of their own: nothing else on this machine sees the
/// mount, and the network is a loopback that nobody else has.
///
/// The client is a FUSE program over libnfs, so that a kernel without NFS is enough. Like a hard mount it waits for a server
/// that is gone.
final class NFSBox: Sendable {
    /// What the server keeps.
    let export: String
    private let mount: String
    private let holder: ChildProcess
    private let others: Monitor<[ChildProcess]>
    private let server: Monitor<ChildProcess?>
    private let place: TemporaryDirectory

    /// Exports `export` and mounts it on `mount`; both are directories.
    init(export: String, on mount: String) async throws {
        self.export = export
        self.mount = mount
        place = try TemporaryDirectory()
        let settings = """
            NFS_CORE_PARAM { Protocols = 3; Enable_NLM = false; Enable_RQUOTA = false; Enable_UDP = false; }
            NFSV4 { Graceless = true; RecoveryRoot = "\(place.path)"; }
            NFS_KRB5 { Active_krb5 = false; }
            EXPORT {
                Export_Id = 1; Path = "\(export)"; Pseudo = /export; Access_Type = RW; Squash = No_Root_Squash;
                SecType = sys; Protocols = 3; Transports = TCP; FSAL { Name = VFS; }
            }
            LOG { Default_Log_Level = EVENT; }
            """
        try TreeBuilder(place.path).file("ganesha.conf", text: settings)
        let ready = place.path + "/ready"
        holder = try ChildProcess(
            [
                "unshare", "--mount", "--net", "bash", "-c",
                // rpcbind's socket lies in /run, whatever the network is.
                "set -e; mount -t tmpfs run /run; busybox ip link set lo up; : >\"$1\"; exec sleep infinity", "bash",
                ready,
            ], log: place.path + "/log")
        others = Monitor([])
        server = Monitor(nil)
        guard try await eventually(timeout: 20, { access(ready, F_OK) == 0 }) else { throw fault("no namespaces") }
        try start(["rpcbind", "-f"])
        // The server registers itself once, when it starts.
        let waiting = "for try in $(seq 300); do rpcinfo -p 127.0.0.1 && exit; sleep 0.1; done; exit 1"
        guard try await run(wrapper + ["bash", "-c", waiting]).status == 0 else { throw fault("no rpcbind") }
        try startServer()
        try start(
            [
                "/usr/bin/python3", Repository.root + "/Tests/TestSupport/nfsfuse.py",
                "nfs://127.0.0.1\(export)?version=3", mount,
            ])
        for _ in 0..<600 {
            if try await run(wrapper + ["mountpoint", "-q", mount]).status == 0 { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw fault("the export was never mounted")
    }

    deinit {
        // The client first: whoever waits for it gets an error then.
        for process in others.with({ $0 }).reversed() { process.stop() }
        server.with { $0?.stop() }
        holder.stop()
    }

    /// Whether this machine has all that it takes.
    static func isPossible() async throws -> Bool {
        try await run(
            [
                "bash", "-c",
                """
                set -e
                [ "$(id -u)" = 0 ] && [ -c /dev/fuse ]
                for program in ganesha.nfsd rpcbind rpcinfo busybox; do command -v $program; done
                /usr/bin/python3 -c 'import fusepy, ctypes; ctypes.CDLL("libnfs.so.13")' ||
                    /usr/bin/python3 -c 'import fusepy, ctypes; ctypes.CDLL("libnfs.so.14")'
                unshare --mount --net mount -t tmpfs run /run
                """,
            ]
        ).status == 0
    }

    /// What stands before a command that is to see the mount.
    var wrapper: [String] { ["nsenter", "--target", "\(holder.pid)", "--mount", "--net"] }

    /// The server answers nobody until ``thaw()``.
    func freeze() { server.with { $0?.signal(SIGSTOP) } }
    func thaw() { server.with { $0?.signal(SIGCONT) } }

    /// The server is gone at once, with whatever it had not done.
    func killServer() { server.with { $0?.stop() } }

    func startServer() throws {
        let process = try ChildProcess(
            wrapper + [
                "ganesha.nfsd", "-F", "-f", place.path + "/ganesha.conf", "-L", place.path + "/ganesha.log", "-p",
                place.path + "/ganesha.pid",
            ], log: place.path + "/log")
        server.with { $0 = process }
    }

    private func start(_ command: [String]) throws {
        let process = try ChildProcess(wrapper + command, log: place.path + "/log")
        others.with { $0.append(process) }
    }

    private func fault(_ what: String) -> Fault {
        let texts = ["log", "ganesha.log"].map { name in
            (try? Directory.open(place.path).readFile(ByteString(name))).map { String(decoding: $0, as: UTF8.self) }
        }
        return Fault(.io, "\(what): \(texts.compactMap { $0 }.joined(separator: "\n"))")
    }
}
