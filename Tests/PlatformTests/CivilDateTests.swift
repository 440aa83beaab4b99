import Platform
import TestSupport
import Testing

struct CivilDateTests {
    @Test func `every day from 1900 to 2100 has its number both ways`() throws {
        var number = -25_567  // 1900-01-01 by the calendar of date(1)
        var previous: CivilDate?
        for year in 1900...2100 {
            for month in 1...12 {
                for day in 1...31 {
                    guard let date = CivilDate(year: year, month: month, day: day) else { continue }
                    if date.dayNumber != number || CivilDate(dayNumber: number) != date {
                        Issue.record("\(date) has number \(date.dayNumber), expected \(number)")
                        return
                    }
                    if let previous, !(previous < date) || previous.adding(days: 1) != date {
                        Issue.record("\(date) does not follow \(previous)")
                        return
                    }
                    previous = date
                    number += 1
                }
            }
        }
        #expect(number == 47_847)  // 2101-01-01
    }

    @Test func `two hundred days agree with date(1)`() async throws {
        var random = SplitMix64(seed: 2)
        let numbers = (0..<200).map { _ in Int.random(in: -700_000...2_900_000, using: &random) }
        let input = numbers.map { "@\($0 * 86_400 + 43_200)\n" }.joined()
        let result = try await run(
            ["date", "-u", "-f", "-", "+%Y-%m-%d"], environment: ["LC_ALL": "C"], stdin: Array(input.utf8))
        #expect(result.status == 0, "\(result)")
        #expect(result.lines == numbers.map { CivilDate(dayNumber: $0).description })
    }

    @Test(arguments: [
        "2026-02-29", "1900-02-29", "2026-04-31", "2026-00-10", "2026-13-01", "2026-01-00", "2026-01-32", "0000-01-01",
        "2026-1-01", "26-01-01", "2026-01-1", "2026/01/01", "+026-01-01", "2026-01-0１", " 2026-01-01", "2026-01-01 ",
        "2026--1-01", "", "yesterday", "20260-1-01",
    ])
    func `what is no day is refused`(text: String) {
        #expect(CivilDate(text) == nil)
    }

    @Test(arguments: ["2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31", "2026-11-20"])
    func `text comes back`(text: String) throws {
        let date = try #require(CivilDate(text))
        #expect(date.description == text)
        #expect("\(date.yearText)-\(date.monthText)-\(date.dayText)" == text)
    }

    @Test(arguments: [
        ("2024-02-28", 1, "2024-02-29"), ("2023-02-28", 1, "2023-03-01"), ("2026-01-01", -1, "2025-12-31"),
        ("2024-02-29", 365, "2025-02-28"), ("2026-11-20", 0, "2026-11-20"), ("2000-03-01", -366, "1999-03-01"),
    ])
    func `days are added`(start: String, days: Int, end: String) {
        #expect(CivilDate(start)?.adding(days: days).description == end)
    }
}
