import Glibc
import Platform
import TestSupport
import Testing

struct ClockTests {
    @Test(arguments: [
        "", "Europe", "Europe/Nowhere", "../zoneinfo/Europe/Berlin", "/etc/localtime", "zone.tab", "Europe//Berlin",
        "Europe/../Europe/Berlin", "Europe/Berlin/", "CET-1CEST", ".",
    ])
    func `what is no zone is refused, for tzset would take it for UTC`(name: String) {
        let fault = #expect(throws: Fault.self) { try Clock.useTimeZone(name) }
        #expect(fault?.code == .settings)
        #expect(fault?.hint != nil)
    }

    // The time zone belongs to the whole process, so each of these has one of its own.

    @Test(.timeLimit(.minutes(10))) func `the day changes at local midnight, in winter and in summer`() async {
        await #expect(processExitsWith: .success) {
            try Clock.useTimeZone("Europe/Berlin")
            let edges = [
                ("2026-03-28T22:59:59Z", "2026-03-28"), ("2026-03-28T23:00:00Z", "2026-03-29"),
                ("2026-03-29T21:59:59Z", "2026-03-29"), ("2026-03-29T22:00:00Z", "2026-03-30"),
                ("2026-10-24T21:59:59Z", "2026-10-24"), ("2026-10-24T22:00:00Z", "2026-10-25"),
                ("2026-10-25T22:59:59Z", "2026-10-25"), ("2026-10-25T23:00:00Z", "2026-10-26"),
                ("2025-12-31T23:00:00Z", "2026-01-01"),
            ]
            for (moment, day) in edges {
                let now = try #require(Timestamp(rfc3339: moment))
                #expect(CivilDate(localDayOf: now).description == day, "\(moment)")
                #expect(Clock { now }.today.description == day, "\(moment)")
            }
            let clockFaces = [
                ("2026-03-29T00:59:59Z", "2026-03-29 01:59:59"), ("2026-03-29T01:00:00Z", "2026-03-29 03:00:00"),
                ("2026-10-25T00:30:00Z", "2026-10-25 02:30:00"), ("2026-10-25T01:30:00Z", "2026-10-25 02:30:00"),
            ]
            for (moment, text) in clockFaces { #expect(Timestamp(rfc3339: moment)?.local == text) }
        }
    }

    @Test(.timeLimit(.minutes(10))) func `local days agree with date(1) in other zones`() async {
        await #expect(processExitsWith: .success) {
            for (zone, seed) in [("America/St_Johns", 4), ("Pacific/Apia", 5), ("UTC", 6)] as [(String, UInt64)] {
                try Clock.useTimeZone(zone)
                var random = SplitMix64(seed: seed)
                let moments = (0..<100).map { _ in Int64.random(in: 0...4_000_000_000, using: &random) }
                let input = moments.map { "@\($0)\n" }.joined()
                let result = try runBlocking(
                    ["date", "-f", "-", "+%Y-%m-%d"], environment: ["TZ": zone], stdin: Array(input.utf8))
                #expect(result.lines == moments.map { CivilDate(localDayOf: Timestamp(seconds: $0)).description })
                let times = try runBlocking(
                    ["date", "-f", "-", "+%Y-%m-%dT%H:%M:%S%:z"], environment: ["TZ": zone], stdin: Array(input.utf8))
                #expect(times.lines == moments.map { Timestamp(seconds: $0).rfc3339Local })
            }
            // The local mean time of Berlin was 53 minutes and 28 seconds ahead.
            try Clock.useTimeZone("Europe/Berlin")
            let old = Timestamp(seconds: -2_840_140_800)
            #expect(old.rfc3339Local == "1880-01-01T00:00:00Z")
        }
    }

    @Test func `the system's clock tells the time and the monotonic clock does not go back`() {
        let before = Int64(time(nil))
        let now = Clock.system.now()
        #expect((before...before + 60).contains(now.seconds))
        #expect(now.nanoseconds < 1_000_000_000)
        let start = Clock.monotonic()
        #expect((0..<1_000).allSatisfy { _ in Clock.monotonic() >= start })
    }
}
