import Glibc
import Logging
import Platform
import Testing

@testable import Console

@Suite(.timeLimit(.minutes(10)))
struct LogLineTests {
    private let clock = Clock { Timestamp(seconds: 1_800_000_000) }

    @Test func `a message is one object on one line, and no field hides another`() {
        let line = LogLine(
            .warning, program: "ship", "two\nlines", hint: "Do it.",
            fields: ["job": "siem", "level": "none", "units": .whole(12), "seconds": .real(0.5)],
            clock: clock)
        let expected =
            #"{"hint":"Do it.","job":"siem","level":"warning","message":"two\nlines","program":"ship","seconds":0.5,"time":"2027-01-15T08:00:00Z","units":12}"#
        #expect(String(decoding: line.bytes(isJournal: false), as: UTF8.self) == expected)
        #expect(String(decoding: line.bytes(isJournal: true), as: UTF8.self) == "<4>" + expected)
    }

    @Test func `the handler writes it where the options say so`() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            unsetenv("JOURNAL_STREAM")
            LogFormat.json.use()
            let logger = Logger(label: "pack") { _ in StderrLogHandler(program: "pack", level: .info) }
            logger.error(
                "broken", metadata: ["unit": "web1", "hint": "Mend it.", "bytes": .stringConvertible(Int64(7))])
        }
        let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(
            text.hasPrefix(
                #"{"bytes":7,"hint":"Mend it.","level":"error","message":"broken","program":"pack","time":"#), "\(text)"
        )
        #expect(text.contains(#""unit":"web1"}"#), "\(text)")
    }
}
