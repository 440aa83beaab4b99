import Platform
import Settings
import Testing

struct PlacerTests {
    private static func placer(_ extra: String, host: String = "h1") throws -> Placer {
        try Samples.read(Samples.job + extra).placer(host: host, date: Samples.date)
    }

    private static func archive(_ tenant: String, _ name: String, _ member: ByteString) -> Placement {
        .archive(tenant: tenant, name: name, member: member)
    }

    private static let web = #"layout = "{tenant}/{category}/**""#
    private static let day = "2026/11/20/h1"

    @Test(
        "An entry goes to the archive that its path and the settings tell",
        arguments: [
            // The defaults
            (web, "acme/web/a.log", archive("acme", "acme/\(day)", "acme/web/h1/a.log")),
            (web, "acme/web/a/", archive("acme", "acme/\(day)", "acme/web/h1/a/")),
            (web, "acme/web/", archive("acme", "acme/\(day)", "acme/web/h1/")),
            (web, "acme/", archive("acme", "acme/\(day)", "acme/")),
            (web, "acme/x.log", archive("_unmatched", "_unmatched/\(day)", "_unmatched/h1/acme/x.log")),
            (web, "x.log", archive("_unmatched", "_unmatched/\(day)", "_unmatched/h1/x.log")),
            ("", "acme/a", archive("acme", "acme/\(day)", "acme/h1/a")),
            ("", "acme/", archive("acme", "acme/\(day)", "acme/h1/")),
            // Names are escaped in the archive's name, never in the member
            ("", "_unmatched/a", archive("%5Funmatched", "%5Funmatched/\(day)", "_unmatched/h1/a")),
            ("", "a b/c d", archive("a%20b", "a%20b/\(day)", "a b/h1/c d")),
            ("", "a\nb/c", archive("a%0Ab", "a%0Ab/\(day)", "a\nb/h1/c")),
            ("", "-x/-y", archive("%2Dx", "%2Dx/\(day)", "-x/h1/-y")),
            ("", ".x/.y", archive("%2Ex", "%2Ex/\(day)", ".x/h1/.y")),
            ("", "a%b/c", archive("a%25b", "a%25b/\(day)", "a%b/h1/c")),
            // What is unmatched
            (#"unmatched = "skip""#, "x", .skip(reason: "unmatched")),
            (#"unmatched = "fail""#, "x", .refuse(reason: "unmatched")),
            (#"unmatched = "tenant:misc""#, "x", archive("misc", "misc/\(day)", "misc/h1/x")),
            (
                "layout = \"a/{tenant}/**\"", "b/c/",
                archive("_unmatched", "_unmatched/\(day)", "_unmatched/h1/b/c/")
            ),
            // Other archives
            (#"archive = "{tenant}/{host}""#, "acme/a", archive("acme", "2026-11-20/acme/h1", "acme/h1/a")),
            (
                #"archive = "{yyyy}-{mm}-{dd}.{host}-x""#, "acme/a",
                archive("acme", "2026-11-20.h1-x", "acme/h1/a")
            ),
            (
                web + "\n" + #"archive = "{tenant}-{category}""#, "ac me/w b/a",
                archive("ac%20me", "2026-11-20/ac%20me-w%20b", "ac me/w b/h1/a")
            ),
            (web + "\n" + #"archive = "{tenant}-{category}""#, "acme/", .skip(reason: "above-layout")),
            (
                web + "\n" + #"archive = "{tenant}-{category}""#, "x",
                archive("_unmatched", "2026-11-20/_unmatched-_unmatched", "_unmatched/h1/x")
            ),
            // Without tenants
            ("layout = \"**\"\narchive = \"{host}\"", "a/b", archive("_all", "2026-11-20/h1", "h1/a/b")),
            ("layout = \"**\"\narchive = \"{host}\"\nmember = \"{rest}\"", "", .skip(reason: "above-layout")),
            // Other members
            (#"member = "{rest}""#, "acme/", .skip(reason: "above-layout")),
            (#"member = "{rest}""#, "acme/a/", archive("acme", "acme/\(day)", "a/")),
            (#"member = "{yyyy}{mm}{dd}/{rest}""#, "acme/a", archive("acme", "acme/\(day)", "20261120/a")),
            (#"member = "{rest}/x""#, "acme/", archive("acme", "acme/\(day)", "x/")),
            (#"member = "a/{rest}/b""#, "acme/", archive("acme", "acme/\(day)", "a/b/")),
            (#"member = "{rest}/""#, "acme/a", archive("acme", "acme/\(day)", "a")),
            (web + "\nmember = \"{tenant}/c-{category}/{rest}\"", "acme/", archive("acme", "acme/\(day)", "acme/")),
            (web + "\nmember = \"{tenant}-{category}/{rest}\"", "acme/", .skip(reason: "above-layout")),
            ("layout = \"logs/{tenant}/**\"", "logs/", .skip(reason: "above-layout")),
            // A capture inside a component may be a piece that leads upwards
            ("layout = \"{tenant}a/**\"", "..a/x", .refuse(reason: "unsafe-member")),
            ("layout = \"{tenant}a/**\"", ".a/x", .refuse(reason: "unsafe-member")),
            ("layout = \"{tenant}a/**\"", "...a/x", archive("%2E..", "%2E../\(day)", ".../h1/x")),
            (#"unmatched = "tenant:misc""#, "..", .refuse(reason: "unsafe-member")),
        ] as [(String, ByteString, Placement)])
    func placing(_ settings: String, _ path: ByteString, _ placement: Placement) throws {
        var placer = try Self.placer(settings)
        #expect(placer.place(path) == placement)
        // What the placer remembers changes nothing.
        #expect(placer.place(path) == placement)
    }

    @Test("A placer that goes from tenant to tenant and back never mixes them up")
    func memory() throws {
        let settings = Self.web + "\n" + #"archive = "{tenant}/{category}""#
        let paths: [ByteString] = [
            "a/x/1", "a/y/1", "b/y/1", "a/", "b/y/", "stray", "a/x/2", "_unmatched/_unmatched/1", "stray", "ab/x/1",
        ]
        var shared = try Self.placer(settings)
        for path in paths {
            var fresh = try Self.placer(settings)
            #expect(shared.place(path) == fresh.place(path))
        }
        #expect(shared.place("a/x/3") == Self.archive("a", "2026-11-20/a/x", "a/x/h1/3"))
    }

    @Test("Bytes that are no UTF-8 keep their value in the member and are escaped in the archive")
    func bytes() throws {
        var placer = try Self.placer("")
        let path = ByteString(bytes: [0xFF, 0x2F, 0xFE])
        let member = ByteString(bytes: [0xFF, 0x2F] + Array("h1/".utf8) + [0xFE])
        #expect(placer.place(path) == Self.archive("%FF", "%FF/\(Self.day)", member))
    }

    @Test("A tenant whose escaped name fits no file system is refused")
    func longNames() throws {
        var placer = try Self.placer("")
        let long = ByteString(bytes: [UInt8](repeating: 0x20, count: 74)) + "/a"
        #expect(placer.place(long) == .refuse(reason: "archive-name-too-long"))
        let fitting = ByteString(bytes: [UInt8](repeating: UInt8(ascii: "x"), count: 220)) + "/a"
        guard case .archive = placer.place(fitting) else {
            Issue.record("220 bytes fit")
            return
        }
    }
}
