import Platform
import TestSupport
import Testing

@testable import Warehouse

struct ReportRowsTests {
    private func rows(_ text: String) throws -> [ReportRows.Row] {
        let source = BytesSource(Array(text.utf8), name: "report.csv")
        let reader = ReportRows(RangesStream(source, [0..<source.size]))
        var rows: [ReportRows.Row] = []
        while let row = try reader.next() { rows.append(row) }
        return rows
    }

    @Test func `both orders of code and status are read`() throws {
        let found = try rows(
            """
            lake,a%20b,,failed,200,PermanentFailure,"Lambda said ""no"", twice"
            lake,a+b%2B,null,failed,AccessDenied,403,
            lake,%C3%A9,v1,succeeded,,200,Successful
            lake,last,,succeeded,,,
            """)
        #expect(found.map(\.key) == ["a b", "a b+", "é", "last"])
        #expect(found.map(\.errorCode) == ["PermanentFailure", "AccessDenied", "", ""])
        #expect(found.map(\.httpStatus) == ["200", "403", "200", ""])
        #expect(found[0].message == "Lambda said \"no\", twice")
        #expect(found.map(\.isSucceeded) == [false, false, true, true])
        #expect(found.map(\.version) == ["", "null", "v1", ""])
    }

    @Test func `line ends within quotes belong to the message`() throws {
        let found = try rows("lake,a,,failed,404,NoSuchKey,\"one\ntwo\"\r\n\nlake,b,,succeeded,,200,\"\"\n")
        #expect(found.map(\.message) == ["one\ntwo", ""])
    }

    @Test(arguments: [
        "lake,a,,maybe,,,\n", "lake,a\n", "lake,a,,failed,404,NoSuchKey,\"open\n", "lake,%4,,failed,,,\n",
    ])
    func `what is no report is refused`(text: String) throws {
        try expectFault(.damaged, "report.csv:1") { _ = try rows(text) }
    }

    @Test func `a sum knows lists apart, whatever their order`() {
        func sum(_ keys: [ByteString]) -> KeySum {
            var sum = KeySum()
            for key in keys { sum.add(key) }
            return sum
        }
        #expect(sum(["a", "b", "c"]) == sum(["c", "a", "b"]))
        #expect(sum(["a", "b"]) != sum(["a", "c"]))
        #expect(sum(["a", "a"]) != sum(["b", "b"]))
        #expect(sum(["a"]) != sum(["a", "a"]))
    }
}
