import Testing

@testable import Console

/// Where the job or the verb stands among the arguments of a door.
struct DoorArgumentsTests {
    private static let verbs = ["status", "restore", "prune"]

    @Test(arguments: [
        (["status", "siem"], ["status", "siem"]),
        (["--config", "x.toml", "status"], ["status", "--config", "x.toml"]),
        (["--config=x.toml", "-v", "status", "siem"], ["status", "--config=x.toml", "-v", "siem"]),
        (["--json", "--run", "2026-11-20", "restore", "siem"], ["restore", "--json", "--run", "2026-11-20", "siem"]),
        (["--vault", "status", "prune", "siem"], ["prune", "--vault", "status", "siem"]),
        // A flag of restore, and an option of the others.
        (["--wait", "restore", "siem"], ["restore", "--wait", "siem"]),
        (["--wait", "1h", "restore", "siem"], ["restore", "--wait", "1h", "siem"]),
    ])
    func `options may stand before a verb`(_ given: [String], _ taken: [String]) {
        #expect(DoorArguments(given, verbs: Self.verbs).ofVerb == taken)
    }

    @Test(arguments: [
        ["siem"], ["--only", "status", "siem"], ["--run", "2026-11-20", "siem", "--dry-run"], ["--help"], [],
        ["--", "status"], ["--config"], ["siem", "--only", "status"],
    ])
    func `a job is no verb, whatever stands around it`(_ given: [String]) {
        let arguments = DoorArguments(given, verbs: Self.verbs)
        #expect(arguments.ofVerb == nil)
        #expect(arguments.swapped == nil)
    }

    @Test func `a verb that was mistyped is found by what stands behind it`() throws {
        let misspelt = try #require(DoorArguments(["--json", "statsu", "siem"], verbs: Self.verbs).misspelt)
        #expect(misspelt == ("statsu", "status"))
        for other in [
            ["statsu"], ["siem", "acme"], ["siem", "status"], ["status", "siem"], ["statsu", "--run", "x"],
        ] {
            #expect(DoorArguments(other, verbs: Self.verbs).misspelt == nil)
        }
    }

    @Test func `a verb behind the job is found`() throws {
        let swapped = try #require(DoorArguments(["-v", "siem", "--json", "status"], verbs: Self.verbs).swapped)
        #expect(swapped == ("siem", "status"))
        #expect(DoorArguments(["list", "--json"], verbs: Self.verbs).first == "list")
    }
}
