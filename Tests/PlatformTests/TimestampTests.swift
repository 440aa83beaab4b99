import Platform
import TestSupport
import Testing

struct TimestampTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_143_845, "2026-11-20T03:04:05Z"), (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] as [(Int64, String)])
    func `text and seconds`(seconds: Int64, text: String) {
        #expect(Timestamp(seconds: seconds, nanoseconds: 999_999_999).rfc3339 == text)
        #expect(Timestamp(rfc3339: text) == Timestamp(seconds: seconds))
    }

    @Test func `random moments come back and agree with date(1)`() async throws {
        var random = SplitMix64(seed: 3)
        let moments = (0..<200).map { _ in Int64.random(in: -2_000_000_000...200_000_000_000, using: &random) }
        for moment in moments {
            let text = Timestamp(seconds: moment).rfc3339
            #expect(Timestamp(rfc3339: text)?.seconds == moment, "\(text)")
        }
        let result = try await run(
            ["date", "-u", "-f", "-", "+%Y-%m-%dT%H:%M:%SZ"], stdin: Array(moments.map { "@\($0)\n" }.joined().utf8))
        #expect(result.lines == moments.map { Timestamp(seconds: $0).rfc3339 })
    }

    @Test(arguments: [
        "2026-11-20T03:04:05", "2026-11-20 03:04:05Z", "2026-11-20T24:00:00Z", "2026-11-20T03:60:05Z",
        "2026-11-20T03:04:61Z", "2026-11-20T-3:04:05Z", "2026-11-20T+3:04:05Z", "2026-11-20T003:4:05Z",
        "2026-11-20T:3:04:05Z", "2026-11-20T03:04:5 Z", "2026-02-30T03:04:05Z", "2026-11-20T03-04-05Z",
        "2026-11-20T\u{301}3:04:5Z", "2026-11-20T03:04:05z", "",
    ])
    func `anything else is refused`(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test func `the order is that of time, nanoseconds included`() {
        let early = Timestamp(seconds: -1, nanoseconds: 999_999_999)
        let middle = Timestamp(seconds: 0)
        let late = Timestamp(seconds: 0, nanoseconds: 1)
        #expect([late, early, middle].sorted() == [early, middle, late])
    }

    @Test func `the time between any two moments is known`() {
        let start = Timestamp(seconds: 10, nanoseconds: 750_000_000)
        #expect(Timestamp(seconds: 12, nanoseconds: 250_000_000).since(start) == 1.5)
        #expect(start.since(start) == 0)
        // A file system may report any time at all.
        #expect(Timestamp(seconds: .max).since(Timestamp(seconds: .min)) > 1e19)
    }

    @Test func `the offset is that of the process's zone at that moment`() async {
        await #expect(processExitsWith: .success) {
            for (zone, moment, offset) in [
                ("UTC", "2026-11-20T03:04:05Z", "+00:00"), ("Europe/Berlin", "2026-11-20T03:04:05Z", "+01:00"),
                ("Europe/Berlin", "2026-07-20T03:04:05Z", "+02:00"),
                ("Asia/Kathmandu", "2026-07-20T03:04:05Z", "+05:45"),
                ("America/St_Johns", "2026-11-20T03:04:05Z", "-03:30"),
            ] {
                try Clock.useTimeZone(zone)
                let found = Timestamp(rfc3339: moment)?.offset
                try #require(found == offset, "\(zone)")
            }
        }
    }
}
