import Glibc
import Platform
import TestSupport
import Testing

/// A world of its own for the three programs: sources, staging, state, one vault, settings.
///
/// It lies in memory (/dev/shm) where there is some: hundreds of runs with all their syncs would take hours on a disk.
struct Pipeline: Sendable {
    /// The keys of a job that tests change.
    struct Job: Sendable {
        var name = "logs"
        var hosts = ["web1", "web2"]
        /// Below the sources.
        var path = "{host}"
        var layout = "{tenant}/**"
        var archive = "{tenant}/{yyyy}/{mm}/{dd}/{host}"
        /// Whether the sources are read over SSH.
        var isDistant = false
        /// Further lines.
        var lines: [String] = []

        func text(_ source: String) -> String {
            let list = hosts.map { "\"\($0)\"" }.joined(separator: ", ")
            let head = [
                "kind = \"hosts\"", "hosts = [\(list)]", "path = \"\(isDistant ? "" : "file://")\(source)/\(path)\"",
                "layout = \"\(layout)\"", "archive = \"\(archive)\"",
            ]
            return (head + lines).joined(separator: "\n") + "\n"
        }
    }

    static let run = "2025-11-19"

    private let directory: TemporaryDirectory
    let root: String
    var source: String
    var staging: String { root + "/staging" }
    var state: String { root + "/state" }
    var vault: String { root + "/vault" }
    var config: String { root + "/etc/coldchain.toml" }
    var job: Job

    /// Makes the world; with `source` it only reads the sources of another one.
    init(_ job: Job = Job(), source: String? = nil) throws {
        directory = try TemporaryDirectory(in: access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil)
        root = directory.path
        self.job = job
        self.source = source ?? root + "/source"
        if source == nil { _ = try Directory.create(self.source) }
        try writeSettings()
    }

    /// Writes the settings anew, after ``job`` was changed.
    func writeSettings() throws {
        let etc = try TreeBuilder(root + "/etc")
        try etc.file(
            "coldchain.toml",
            text: """
                staging = "\(staging)"
                state = "\(state)"
                [vault.disk]
                url = "file://\(vault)"

                """)
        try etc.file(ByteString("jobs.d/\(job.name).toml"), text: job.text(source))
    }

    /// Makes files of a host's tree.
    func host(_ name: String) throws -> TreeBuilder { try TreeBuilder(source + "/" + name) }

    func sourceTree(_ host: String) async throws -> FileTree {
        let path = source + "/" + host
        return try await onOwnThread { try FileTree(path) }
    }

    /// The trees of all hosts, as they are now.
    func sourceTrees() async throws -> [String: FileTree] {
        var trees: [String: FileTree] = [:]
        for host in job.hosts { trees[host] = try await sourceTree(host) }
        return trees
    }

    // MARK: Running

    var environment: [String: String?] {
        ["COLDCHAIN_CONFIG": config, "LD_PRELOAD": nil, "COLDCHAIN_STAGING": nil, "COLDCHAIN_STATE": nil]
    }

    func callAsFunction(
        _ program: Program, _ arguments: [String], _ injection: Injection? = nil, through wrapper: [String] = [],
        timeout: Double = 60
    ) async throws -> RunResult {
        var environment = environment
        if let injection {
            environment.merge(injection.environment(try await FaultLibrary.shared.path())) { $1 }
        }
        return try await TestSupport.run(
            wrapper + [program.path] + arguments, environment: environment, timeout: timeout)
    }

    /// `PROGRAM JOB --run DATE`.
    func stage(
        _ program: Program, _ date: String = run, _ more: [String] = [], _ injection: Injection? = nil,
        through wrapper: [String] = []
    ) async throws -> RunResult {
        try await self(program, [job.name, "--run", date] + more, injection, through: wrapper)
    }

    /// Runs a command that must end with `status`.
    @discardableResult
    func expect(
        _ program: Program, _ arguments: [String], status: Int32 = 0, through wrapper: [String] = [],
        _ location: SourceLocation = #_sourceLocation
    ) async throws -> RunResult {
        let result = try await self(program, arguments, through: wrapper)
        #expect(
            result.status == status, "\(program.rawValue) \(arguments.joined(separator: " ")): \(result)",
            sourceLocation: location)
        return result
    }

    /// Plants the guards.
    func initialize() async throws {
        let result = try await self(.collect, ["init", "--local"])
        guard result.status == 0 else { throw Fault(.io, "collect init: \(result)") }
    }

    /// Runs stages for a run, each of which must end well.
    func night(
        _ date: String = run, _ programs: [Program] = Program.allCases, _ location: SourceLocation = #_sourceLocation
    ) async throws {
        for program in programs { try await expect(program, [job.name, "--run", date], location) }
    }

    // MARK: What is there

    /// All paths below staging and the vault; nothing else may stay there after a run.
    func paths() async throws -> [String] {
        let (staging, vault, scratch) = (staging, vault, state + "/scratch")
        return try await onOwnThread {
            try Self.paths(staging, "staging") + Self.paths(vault, "vault") + Self.paths(scratch, "state/scratch")
        }
    }

    private static func paths(_ top: String, _ name: String) throws -> [String] {
        guard access(top, F_OK) == 0 else { return [] }
        var walk = try DirectoryWalk(try Directory.open(top))
        var paths: [String] = []
        while let step = try walk.next() { paths.append("\(name)/\(step.path)") }
        return paths.sorted()
    }

    /// Paths of temporary files and lock files: none may stay once a run has ended.
    ///
    /// Their names begin with a dot, and no other does.
    func remains() async throws -> [String] {
        try await paths().filter { path in
            let name = path.split(separator: "/").last ?? ""
            return path.hasPrefix("state/scratch/") || (name.hasPrefix(".") && name != ".coldchain-guard")
        }
    }

    /// Everything below staging, the vault and the state but its lock files.
    func snapshot() async throws -> FileTree {
        let (root, source) = (root, source)
        return try await onOwnThread {
            var tree = try FileTree(root)
            let top = ByteString(String(source.dropFirst(root.count + 1)))
            tree.entries = tree.entries.filter { path, _ in
                !path.hasPrefix(top) && !path.hasPrefix("state/locks") && path.components.first != "fault.mark"
            }
            return tree
        }
    }

    /// Runs a shell script with arguments; it must end well.
    @discardableResult
    func shell(_ script: String, _ arguments: [String] = [], timeout: Double = 60) async throws -> RunResult {
        let result = try await TestSupport.run(["bash", "-c", script, "bash"] + arguments, timeout: timeout)
        guard result.status == 0 else { throw Fault(.io, "\(script) \(arguments): \(result)") }
        return result
    }

    /// A record of a stage or unit, as far as tests look at it.
    func read(_ path: String) throws -> [UInt8] {
        let (directory, name) = Self.split(path)
        return try Directory.open(directory).readFile(ByteString(name))
    }

    static func split(_ path: String) -> (directory: String, name: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return (parts.dropLast().joined(separator: "/"), String(parts.last ?? ""))
    }

    func runDirectory(_ date: String = run) -> String { "\(staging)/\(job.name)/\(date)" }
}
