package import Ledger
package import Platform

extension Configuration {
    /// The subcommands of the three programs, and who has them.
    package static let commands: [String: [Stage]] = [
        "audit": [.ship], "check": Stage.allCases, "extract": [.pack], "help": Stage.allCases, "hold": [.ship],
        "init": [.collect], "list": [.pack, .ship], "notify": [.ship], "pause": Stage.allCases, "prune": Stage.allCases,
        "rebuild": [.ship], "report": [.ship], "restore": [.ship], "resume": Stage.allCases, "setup": [.ship],
        "status": Stage.allCases, "sweep": [.ship], "undo": [.ship], "verify": [.pack, .ship],
    ]

    /// The names of the subcommands.
    ///
    /// A job can't have one of these names, or `collect status` would mean two things.
    package static let verbs = commands.keys.sorted()

    /// Says whose command a verb is that stands where a job should.
    package static func notAJob(_ verb: String) -> Fault {
        let programs = commands[verb, default: []].map(\.rawValue)
        return Fault(
            .usage, "'\(verb)' is a command of \(programs.joined(separator: " and ")), not a job",
            hint: programs.first.map { "See '\($0) help \(verb)'." })
    }

    /// The directory of the jobs: `jobs.d` beside the settings file.
    package var jobsDirectory: String {
        guard let slash = path.lastIndex(of: "/") else { return "jobs.d" }
        return path[...slash] + "jobs.d"
    }

    /// The names of all jobs, sorted; none when there is no `jobs.d`.
    ///
    /// - Throws: `settings` for a file `*.toml` whose name can't be a job's, so that no job is left out silently; files
    ///   that begin with a dot are an editor's.
    package func jobNames() throws(Fault) -> [String] {
        let names = try jobFileNames()
        for name in names {
            if let problem = Self.problem(ofName: name) {
                throw Fault(
                    .settings, "\(jobsDirectory)/\(quoted(name, "")).toml: \(problem)", hint: "Rename the file.")
            }
        }
        return names
    }

    /// Reads the settings of a job.
    ///
    /// - Throws: `usage` for an unknown job, naming the known ones and what may have been meant; `settings` for a job
    ///   whose file is wrong.
    package func job(_ name: String) throws(Fault) -> JobSettings {
        if Self.verbs.contains(name) { throw Self.notAJob(name) }
        guard PathEscape.isName(name) else { throw try unknown(name) }
        let file = "\(jobsDirectory)/\(name).toml"
        let document: TomlDocument
        do { document = try TomlDocument(path: file) } catch {
            throw error.code == .notFound ? try unknown(name) : error
        }
        let job = JobSettings.read(
            document.root, name: name, vaults: vaults, notify: notify, channels: Set(channels.keys))
        try document.problems.throwIfAny()
        guard let job else { throw Fault(.settings, "\(file): not a job") }
        return job
    }

    /// When the file of a job was written last.
    package func jobFileModified(_ name: String) throws(Fault) -> Timestamp {
        try Directory.open(jobsDirectory).status(ByteString(name + ".toml")).modified
    }

    private func unknown(_ name: String) throws(Fault) -> Fault {
        let jobs = try jobFileNames().filter { Self.problem(ofName: $0) == nil }
        let known = jobs.isEmpty ? "there are none in \(jobsDirectory)" : "known are \(jobs.joined(separator: ", "))"
        let (job, verb) = (NearestName.of(name, among: jobs), NearestName.of(name, among: Self.verbs))
        var hint: String?
        switch (job, verb) {
        case (let job?, let verb?) where NearestName.distance(name, verb) < NearestName.distance(name, job):
            hint = "Did you mean the command '\(verb)'?"
        case (let job?, _): hint = "Did you mean '\(job)'?"
        case (nil, let verb?): hint = "Did you mean the command '\(verb)'?"
        case (nil, nil): break
        }
        return Fault(.usage, "unknown job \(quoted(name, "'")); \(known)", hint: hint)
    }

    private func jobFileNames() throws(Fault) -> [String] {
        let names: [ByteString]
        do { names = try Directory.open(jobsDirectory).names() } catch {
            if error.code == .notFound { return [] }
            throw error
        }
        let suffix = ".toml"
        return names.map { String(decoding: $0.bytes, as: UTF8.self) }
            .filter { $0.hasSuffix(suffix) && !$0.hasPrefix(".") }
            .map { String($0.dropLast(suffix.count)) }
            .sorted()
    }

    private static func problem(ofName name: String) -> String? {
        if verbs.contains(name) { return "'\(name)' is a command and can't name a job" }
        return PathEscape.isName(name) ? nil : nameRule
    }
}
