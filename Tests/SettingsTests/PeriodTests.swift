import Settings
import Testing

struct PeriodTests {
    @Test(
        "A period is read with its unit",
        arguments: [
            ("14 days", 1_209_600), ("1 day", 86_400), ("3d", 259_200), ("10 min", 600), ("1 minute", 60),
            ("90 s", 90), ("2 h", 7_200), ("2 hours", 7_200), ("1 week", 604_800), ("2w", 1_209_600), ("0 s", 0),
        ] as [(String, Int64)])
    func reading(_ text: String, _ seconds: Int64) {
        #expect(Period(text)?.seconds == seconds)
    }

    @Test(
        "What is no period is refused",
        arguments: [
            "", "14", "days", "1.5 days", "-1 day", "1 Day", "1 month", "1 d 2 h", "1 day ", "99999999999999 weeks",
            "9223372036854775807 s", "1.0 s",
        ])
    func refusing(_ text: String) {
        #expect(Period(text) == nil)
    }

    @Test(
        "A period is told in its largest whole unit, and read back",
        arguments: [
            (1_209_600, "14 days"), (86_400, "1 day"), (7_200, "2 h"), (5_400, "90 min"), (90, "90 s"), (0, "0 s"),
        ] as [(Int64, String)])
    func telling(_ seconds: Int64, _ text: String) {
        #expect(Period(seconds: seconds).description == text)
        #expect(Period(text)?.seconds == seconds)
    }

    @Test("Days are whole only when no seconds are left")
    func days() {
        #expect(Period(seconds: 86_401).days == 1)
        #expect(!Period(seconds: 86_401).isWholeDays)
        #expect(Period(days: 3).isWholeDays)
    }
}
