import Settings
import Testing

@testable import Notify

struct NoticeTextTests {
    @Test("a notice tells what ran, what failed and why, and what does it again") func whole() {
        let text = NoticeText(sampleNotice(), bytes: gibibytes)
        #expect(text.subject == "[coldchain] pack siem 2025-11-20 partial, 1 failed on vault1")
        let expected = """
            pack siem 2025-11-20: partial, 11 of 12 units, 1 failed, 10 GiB in, 2 GiB out (5.0x), 1 h 02 min

            Failed:
              2025-11-20 acme/2025/11/20/web1: no space left on device

            To do it again:
              pack siem --run 2025-11-20 --only acme/2025/11/20/web1

            Backlog: 2 runs, 3 GiB, the oldest of 2025-11-19

            Trend:
              in 10 GiB, the median of 7 runs is 11 GiB

            Last lines:
              one
              two

            """
        #expect(text.body == expected)
    }

    @Test("many failures are cut, and counted") func many() {
        var notice = sampleNotice()
        notice.failed = (1...50).map { .init(run: "2025-11-20", unit: "host\($0)", why: "down") }
        let text = NoticeText(notice, bytes: plain)
        #expect(text.subject.contains("50 failed"))
        #expect(text.body.contains("host20: down\n  and 30 more\n"))
        #expect(!text.body.contains("host21"))
    }

    @Test("how a unit was killed comes first") func killed() {
        var notice = sampleNotice()
        notice.event = .failure
        notice.end = "killed by signal KILL"
        notice.runs = []
        let text = NoticeText(notice, bytes: plain)
        #expect(text.subject == "[coldchain] pack siem FAILED, 1 failed on vault1")
        #expect(text.body.hasPrefix("pack siem: killed by signal KILL\n"))
    }

    @Test("durations", arguments: [(0.4, "0 s"), (59.6, "1 min 00 s"), (61, "1 min 01 s"), (3_600, "1 h 00 min")])
    func durations(_ seconds: Double, _ text: String) { #expect(NoticeText.duration(seconds) == text) }
}

private func gibibytes(_ count: Int64) -> String { "\(count >> 30) GiB" }
private func plain(_ count: Int64) -> String { String(count) }
