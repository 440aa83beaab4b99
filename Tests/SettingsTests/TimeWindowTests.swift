import Platform
import Settings
import Testing

struct TimeWindowTests {
    /// A moment of 2026-11-20 in UTC, which is the zone of the tests' process.
    private func moment(_ hour: Int64, _ minute: Int64) -> Timestamp {
        Timestamp(seconds: Int64(Samples.date.dayNumber) * 86_400 + hour * 3_600 + minute * 60)
    }

    @Test("A window over midnight has two parts")
    func overMidnight() throws {
        try Clock.useTimeZone("UTC")
        let window = try #require(TimeWindow("20:00-06:00"))
        #expect(window.contains(moment(20, 0)) && window.contains(moment(23, 59)) && window.contains(moment(5, 59)))
        #expect(!window.contains(moment(6, 0)) && !window.contains(moment(19, 59)))
        #expect(window.end(after: moment(21, 0)) == moment(30, 0))
        #expect(window.end(after: moment(1, 0)) == moment(6, 0))
    }

    @Test("A window of one day ends on it")
    func oneDay() throws {
        try Clock.useTimeZone("UTC")
        let window = try #require(TimeWindow("08:30-24:00"))
        #expect(window.contains(moment(8, 30)) && window.contains(moment(23, 59)) && !window.contains(moment(8, 29)))
        #expect(window.end(after: moment(9, 0)) == moment(24, 0))
    }

    @Test("What is no window is none", arguments: ["", "20:00", "20-06", "25:00-06:00", "20:60-06:00", "08:00-08:00"])
    func wrong(_ text: String) { #expect(TimeWindow(text) == nil) }

    @Test("A rate is a size in a second")
    func rates() {
        #expect(ByteRate("400 MiB/s")?.bytesPerSecond == 400 << 20)
        #expect(ByteRate("1.5 GB/s")?.bytesPerSecond == 1_500_000_000)
        for wrong in ["400 MiB", "0 B/s", "/s", "fast"] { #expect(ByteRate(wrong) == nil) }
    }
}
