import Console
import FoundationEssentials
import Glibc
import Platform
import Testing

struct TextTableTests {
    @Test func `columns are as wide as their widest cell, without spaces at the end`() {
        var table = TextTable(["NAME", "SIZE", "WHY"], right: [1])
        table.add(["a", "1", "short"])
        table.add(["a longer name", "12345", ""])
        table.add(["grüße", "22", "x"])
        #expect(
            table.text == """
                NAME            SIZE  WHY
                a                  1  short
                a longer name  12345  \("")
                grüße             22  x
                """)
    }

    @Test func `rows may be shorter or longer than the heading`() {
        var table = TextTable(["A", "B"], right: [1])
        table.add(["x"])
        table.add(["1", "22", "333"])
        table.add([])
        #expect(table.text == "A   B\nx\n1  22  333\n")
    }

    @Test func `a heading alone is a table`() {
        #expect(TextTable(["A", "B"]).text == "A  B")
        #expect(TextTable([]).text == "")
    }
}

struct FiguresTests {
    @Test(arguments: [
        (0, "0.0 s"), (0.04, "0.0 s"), (0.05, "0.1 s"), (0.84, "0.8 s"), (12.34, "12.3 s"), (59.94, "59.9 s"),
        (59.96, "1 min 00 s"), (60, "1 min 00 s"), (125.4, "2 min 05 s"), (3_599.4, "59 min 59 s"),
        (3_599.6, "1 h 00 min"), (11_400, "3 h 10 min"), (90_000, "25 h 00 min"),
    ])
    func `durations are told in two units at the most`(seconds: Double, text: String) {
        #expect(Figures.seconds(seconds) == text)
    }

    @Test(
        arguments: [
            (100, 50, "2.00x"), (1, 1, "1.00x"), (1_000, 183, "5.46x"), (50, 100, "0.50x"), (0, 5, "0.00x"),
            (5, 0, "-"),
            (0, 0, "-"), (1_001, 1_000, "1.00x"), (Int64.max, 1_000_000, "9223372036854.78x"),
        ] as [(Int64, Int64, String)])
    func `ratios have two decimals`(from: Int64, to: Int64, text: String) {
        #expect(Figures.ratio(from, to) == text)
    }

    @Test(arguments: [(0, "0 B"), (1_536, "1.5 KiB"), (1 << 30, "1 GiB")] as [(Int64, String)])
    func `sizes are told in powers of 1024`(bytes: Int64, text: String) {
        #expect(Figures.bytes(bytes) == text)
    }

    @Test(
        arguments: [
            (0, "0 were there already"), (1, "1 was there already"), (2, "2 were there already"),
        ] as [(Int64, String)])
    func `one that was there is singular`(number: Int64, text: String) {
        #expect(Figures.wereThere(number) == text)
    }

    @Test(arguments: [(0, "0 units"), (1, "1 unit"), (2, "2 units"), (-1, "-1 units")] as [(Int64, String)])
    func `one thing is singular`(number: Int64, text: String) {
        #expect(Figures.count(number, "unit", "units") == text)
    }
}

@Suite(.timeLimit(.minutes(10)))
struct OutputTests {
    private struct Value: Codable {
        var name: String
        var number: Int
    }

    @Test func `results are text, or JSON that can be read back`() async throws {
        let text = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            try Output(isJSON: false).result(["a": 1]) { "one line" }
            try Output(isJSON: false).result(["a": 1]) { "" }
            Output(isJSON: false).line("another")
            try Output.write([0x62, 0xFF, 0x0A])
            fflush(nil)
        }
        let bytes = try #require(text).standardOutputContent
        #expect(String(decoding: bytes, as: UTF8.self).hasSuffix("one line\nanother\nb\u{FFFD}\n"))
        #expect(bytes.suffix(3) == [0x62, 0xFF, 0x0A])
        let json = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            print("[", terminator: "")
            try Output.writeLine(Value(name: "a/b\n\"c\"", number: 1))
            print(",", terminator: "")
            try Output(isJSON: true).result(Value(name: "d", number: 2)) { "not this" }
            print("]")
            fflush(nil)
        }
        let output = try #require(json).standardOutputContent
        let start = try #require(output.firstIndex(of: UInt8(ascii: "[")))
        let values = try JSONDecoder().decode([Value].self, from: Data(output[start...]))
        #expect(values.map(\.name) == ["a/b\n\"c\"", "d"])
        #expect(values.map(\.number) == [1, 2])
    }

    @Test func `a stdout that takes no more is a fault`() async {
        await #expect(processExitsWith: .success) {
            let full = open("/dev/full", O_WRONLY)
            dup2(full, STDOUT_FILENO)
            var failure: Fault?
            do { try Output.write([1, 2, 3]) } catch { failure = .wrapping(error) }
            try #require(failure?.code == .noSpace)
        }
    }
}
