import Platform
import Testing

@testable import Console

struct ProgressTests {
    @Test("Each unit has a line with entries, bytes, rate and what is left; the sum comes last")
    func lines() throws {
        let progress = try Progress("collect siem 2026-11-20", total: 24, .never)
        let (entries, bytes) = (Counter(), Counter())
        let unit = progress.begin("siem01", expected: 4 << 30, entries: entries, bytes: bytes)
        let other = progress.begin("siem02", entries: Counter(), bytes: Counter())
        entries.add(1_200)
        bytes.add(1 << 30)
        let lines = progress.lines(width: 200)
        #expect(lines.count == 3)
        #expect(lines[0].hasPrefix("  siem01  1200 entries  1 GiB  ") && lines[0].contains("about 25 %, "))
        #expect(lines[1].hasPrefix("  siem02  0 entries  0 B  ") && !lines[1].contains("about"))
        #expect(lines[2].hasPrefix("collect siem 2026-11-20: 0 of 24, 1 GiB, ") && lines[2].contains("left for those"))
        progress.end(unit)
        progress.end(other)
        #expect(progress.lines(width: 200).count == 1 && progress.summary.contains("2 of 24, 1 GiB"))
        progress.finish()
    }

    @Test("Lines fit the terminal, and many units are counted")
    func narrow() throws {
        let progress = try Progress("collect", total: 30, .never)
        for number in 0..<30 { _ = progress.begin("host\(number)", entries: Counter(), bytes: Counter()) }
        let lines = progress.lines(width: 40)
        #expect(lines.count == 14 && lines[12] == "  and 18 more")
        #expect(lines.allSatisfy { $0.count < 40 })
        progress.finish()
    }
}
