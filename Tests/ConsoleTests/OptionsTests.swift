import ArgumentParser
import Console
import Glibc
import Logging
import Platform
import Settings
import Staging
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct OptionsTests {
    /// What the parser says against the arguments, or nothing.
    private func refusal<Options: ParsableArguments>(_ type: Options.Type, _ arguments: [String]) -> String? {
        do {
            _ = try Options.parse(arguments)
            return nil
        } catch {
            return Options.fullMessage(for: error)
        }
    }

    @Test(arguments: [
        (["--run", "2026-02-30"], "--run '2026-02-30': expected a date such as 2026-11-20"),
        (["--run", "today"], "--run 'today': expected a date such as 2026-11-20"),
        (["--run", "20261120"], "--run '20261120': expected a date such as 2026-11-20"),
        (["--workers", "-1"], "workers"), (["--workers=-1"], "--workers -1: expected a number from 0 to 1024"),
        (["--workers", "1025"], "--workers 1025: expected a number from 0 to 1024"),
        (["--workers", "many"], "--workers"), (["--unknown"], "--unknown"), (["one", "two"], "two"),
        (["--only"], "--only"),
    ])
    func `what can't be is refused before any work`(arguments: [String], words: String) {
        let message = refusal(RunOptions.self, arguments)
        #expect(message?.contains(words) == true, "\(String(describing: message))")
    }

    @Test func `options of a run are read`() throws {
        let options = try RunOptions.parse([
            "siem", "--run", "2024-02-29", "--only", "web*", "--only", "db1", "--tenant", "acme", "--force", "-d",
            "--workers", "0", "--break-lock",
        ])
        #expect(options.job == "siem" && options.run == "2024-02-29" && options.only == ["web*", "db1"])
        #expect(
            options.tenant == "acme" && options.force && options.dryRun && options.workers == 0 && options.breakLock)
        let none = try RunOptions.parse([])
        #expect(none.job == nil && none.only == [] && !none.force && !none.dryRun && !none.breakLock)
        #expect(try RunOptions.parse(["--workers", "1024"]).workers == 1_024)
    }

    @Test func `quiet and verbose exclude each other`() throws {
        #expect(
            refusal(CommonOptions.self, ["-q", "-v"])?.contains("--quiet and --verbose exclude each other") == true)
        for (arguments, level) in [([], .info), (["--quiet"], .warning), (["-v"], .debug)] as [([String], Logger.Level)]
        {
            let options = try CommonOptions.parse(arguments)
            #expect(options.logger().logLevel == level)
        }
        #expect(try CommonOptions.parse(["--json"]).output.isJSON)
        #expect(try !CommonOptions.parse([]).output.isJSON)
    }

    @Test(arguments: [(["siem"], false), (["--run", "2026-13-01"], true)]) func `status checks its date`(
        arguments: [String], isRefused: Bool
    ) {
        #expect((refusal(StatusCommand.self, arguments) != nil) == isRefused)
    }

    @Test func `no job is a wrong command line`() throws {
        let common = try CommonOptions.parse(["--config", "/no/such/file"])
        let options = try RunOptions.parse([])
        let failure = #expect(throws: Fault.self) { try options.context(common) }
        #expect(failure?.code == .usage)
        #expect(failure?.message == "no job given")
        #expect(failure?.hint?.hasPrefix("See '") == true)
        try withTemporaryDirectory { path in
            let tree = try TreeBuilder(path)
            try tree.file("coldchain.toml")
            for job in ["siem", "docs"] { try tree.file(ByteString("jobs.d/\(job).toml")) }
            let known = try CommonOptions.parse(["--config", path + "/coldchain.toml"])
            let named = #expect(throws: Fault.self) { try options.context(known) }
            #expect(named?.hint?.hasPrefix("The jobs are docs, siem. See '") == true)
        }
        let named = try RunOptions.parse(["siem"])
        let missing = #expect(throws: Fault.self) { try named.context(common) }
        #expect(missing?.code == .settings)
    }

    @Test func `a job's context has what the command line asked for`() async {
        // The time zone belongs to the whole process.
        await #expect(processExitsWith: .success) { try checkContext() }
    }
}

private func checkContext() throws {
    let top = try TemporaryDirectory()
    let tree = try TreeBuilder(top.path)
    try tree.file(
        "coldchain.toml",
        text:
            "staging = \"\(top.path)/staging\"\nstate = \"\(top.path)/state\"\nworkers = 3\n[vault.disk]\nurl = \"file://\(top.path)/vault\"\n"
    )
    try tree.file(
        "jobs.d/siem.toml",
        text:
            "kind = \"hosts\"\nvault = \"disk\"\ntimezone = \"America/St_Johns\"\nhosts = [\"web1\"]\npath = \"file:///mnt/{host}/{yyyy}{mm}{dd}\"\n"
    )
    try tree.directory("staging")
    let state = try Directory.create(top.path + "/state")
    _ = try MountGuard(top.path + "/staging", state: state).plant(local: true)
    setenv("COLDCHAIN_CONFIG", top.path + "/coldchain.toml", 1)
    let common = try CommonOptions.parse([])
    let options = try RunOptions.parse([
        "siem", "--run", "2026-11-20", "--only", "web*", "--tenant", "ac*", "--force", "--workers", "5",
    ])
    let context = try options.context(common)
    try #require(context.configuration.workers == 5 && context.job.name == "siem" && context.tool == Version.tool)
    try #require(
        context.request.run?.description == "2026-11-20" && context.request.force && !context.request.breakLock)
    try #require(context.request.selects("web1", tenant: "acme") && !context.request.selects("db1", tenant: "acme"))
    try #require(Timestamp(seconds: 0).local == "1969-12-31 20:30:00")
    let plain = try RunOptions.parse(["siem"]).context(common)
    try #require(plain.configuration.workers == 3 && !plain.request.isNarrowed && plain.request.run == nil)
}
