import Console
import Ledger
import Platform
import Testing

@Suite struct ResultStreamTests {
    private struct Line: Codable {
        var name: String
        var tenants: [String]
        var result: String?
    }

    @Test(arguments: [0, 1, 2, 3_000])
    func `an array that is printed as it comes is the one that is printed whole`(count: Int) throws {
        var lines: [Line] = []
        for number in 0..<count {
            lines.append(Line(name: "a\n\"\(number)", tenants: number % 2 == 0 ? [] : ["x", "y"], result: nil))
        }
        var printed: [UInt8] = []
        var pieces = 0
        var stream = ResultStream { bytes throws(Fault) in
            printed += bytes
            pieces += 1
        }
        for line in lines { try stream.element(line) }
        try stream.endArray()
        #expect(printed == (try JSONFile.encode(lines)))
        #expect(pieces == (count < 3_000 ? 1 : pieces) && pieces < 20)
    }

    @Test func `the lines of a table that is gone through twice are those of one in memory`() {
        let rows = [["a", "12", "x"], ["\u{E4}\u{F6}\u{FC}", "1", ""], ["a longer one", "12345", "y"]]
        var table = TextTable(["NAME", "N", ""], right: [1])
        var columns = TextColumns(["NAME", "N", ""], right: [1])
        for row in rows {
            table.add(row)
            columns.fit(row)
        }
        let lines = ([columns.heading] + rows).map { columns.line($0) }
        #expect(table.text == lines.joined(separator: "\n"))
        #expect(lines[1] == "a                12  x")
        #expect(lines[2] == "\u{E4}\u{F6}\u{FC}               1  ")
    }
}
