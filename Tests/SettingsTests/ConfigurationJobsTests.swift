import Platform
import Settings
import Testing

struct ConfigurationJobsTests {
    private static let main = "[vault.disk]\nurl = \"file:///srv/archive\"\n"

    private static func load(_ jobs: [String: String], _ check: (Configuration) throws -> Void) throws {
        var files = ["coldchain.toml": main]
        for (name, text) in jobs { files["jobs.d/\(name)"] = text }
        try Samples.withFolder(files) { folder in
            try check(try Configuration.load("\(folder)/coldchain.toml", environment: [:]))
        }
    }

    @Test("Jobs are the files of jobs.d, sorted; other files and an editor's are left alone")
    func names() throws {
        try Self.load(["siem.toml": "", "app.toml": "", "b-2.toml": "", "notes.txt": "", ".#siem.toml": ""]) {
            let names = try $0.jobNames()
            #expect(names == ["app", "b-2", "siem"])
        }
        try Self.load([:]) {
            let names = try $0.jobNames()
            #expect(names.isEmpty)
        }
    }

    @Test(
        "A file whose name can't be a job's is told, not left out",
        arguments: [("status.toml", "'status' is a command and can't name a job"), ("my job.toml", "a name begins")])
    func badNames(_ file: String, _ message: String) throws {
        try Self.load(["good.toml": Samples.job, file: Samples.job]) { configuration in
            let fault = try Samples.fault { try configuration.jobNames() }
            #expect(fault.code == .settings)
            #expect(fault.message.hasPrefix("\(configuration.jobsDirectory)/\(file): \(message)"))
            // The others still run.
            #expect(try configuration.job("good").name == "good")
        }
    }

    @Test("A job is read with its name and the vaults beside it")
    func reading() throws {
        try Self.load(["siem.toml": Samples.job]) {
            let job = try $0.job("siem")
            #expect(job.name == "siem")
            #expect(job.vaults == [Samples.disk])
        }
    }

    @Test("A wrong job is told with its file, line and column")
    func wrong() throws {
        try Self.load(["siem.toml": Samples.job + "catch_up = 14\nzzz = 1\n"]) { configuration in
            let fault = try Samples.fault { try configuration.job("siem") }
            let file = "\(configuration.jobsDirectory)/siem.toml"
            #expect(fault.code == .settings)
            #expect(
                fault.message == """
                    \(file):5:12: 'catch_up': expected a period such as "14 days", found 14
                    \(file):6:1: unknown key 'zzz'
                    """)
        }
    }

    @Test(
        "An unknown job names the known ones and what may have been meant",
        arguments: [
            ("seim", "unknown job 'seim'; known are app, siem", "Did you mean 'siem'?"),
            ("stauts", "unknown job 'stauts'; known are app, siem", "Did you mean the command 'status'?"),
            ("zzzzzz", "unknown job 'zzzzzz'; known are app, siem", nil),
            ("../siem", "unknown job '../siem'; known are app, siem", nil),
            ("", "unknown job ''; known are app, siem", nil),
            ("verify", "'verify' is a command of pack and ship, not a job", "See 'pack help verify'."),
            ("list", "'list' is a command of pack and ship, not a job", "See 'pack help list'."),
            ("rebuild", "'rebuild' is a command of ship, not a job", "See 'ship help rebuild'."),
            ("prune", "'prune' is a command of collect and pack and ship, not a job", "See 'collect help prune'."),
            ("prnue", "unknown job 'prnue'; known are app, siem", "Did you mean the command 'prune'?"),
        ] as [(String, String, String?)])
    func unknown(_ name: String, _ message: String, _ hint: String?) throws {
        try Self.load(["siem.toml": Samples.job, "app.toml": Samples.job, "status.toml": ""]) { configuration in
            let fault = try Samples.fault { try configuration.job(name) }
            #expect(fault.code == .usage)
            #expect(fault.message == message)
            #expect(fault.hint == hint)
        }
    }

    @Test("Without any job the message says where they belong")
    func none() throws {
        try Self.load([:]) { configuration in
            let fault = try Samples.fault { try configuration.job("siem") }
            #expect(fault.message == "unknown job 'siem'; there are none in \(configuration.jobsDirectory)")
        }
    }

    @Test("Every verb is refused as a job", arguments: Configuration.verbs)
    func verbs(_ verb: String) throws {
        try Self.load(["\(verb).toml": Samples.job]) { configuration in
            let asJob = try Samples.fault { try configuration.job(verb) }
            #expect(asJob.code == .usage)
            let asFile = try Samples.fault { try configuration.jobNames() }
            #expect(asFile.code == .settings)
        }
    }
}
