import AWS
import Platform
import TestSupport
import Testing

struct XMLReaderTests {
    private func read(_ text: String, by step: Int, rows: Set<String> = [], _ onRow: (XMLElement) -> Void = { _ in })
        throws -> XMLElement
    {
        try withoutActuallyEscaping(onRow) { onRow in
            let reader = XMLReader(rows: rows) { onRow($0) }
            let bytes = Array(text.utf8)
            for start in stride(from: 0, to: bytes.count, by: step) {
                try bytes[start..<min(start + step, bytes.count)].withUnsafeBytes { try reader.receive($0) }
            }
            return try reader.finish()
        }
    }

    @Test(arguments: [1, 3, 7, 1_000])
    func `a document is the same in any pieces`(_ step: Int) throws {
        let text = """
            <?xml version="1.0" encoding="UTF-8"?>
            <R xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><A>a &lt;b&gt; &amp; &#233;ß</A><B/><C><A>x</A></C>
              <A>2</A></R>
            """
        let root = try read(text, by: step)
        #expect(root.name == "R")
        #expect(root.children.map(\.name) == ["A", "B", "C", "A"])
        #expect(root.text("A") == "a <b> & éß")
        #expect(root["B"]?.text == "")
        #expect(root.text("B") == nil)
        #expect(root["C"]?.text("A") == "x")
        #expect(root.all("A").count == 2)
    }

    @Test func `rows are handed out and not kept`() throws {
        var rows: [String] = []
        let root = try read("<L><N>n</N><Row><K>1</K></Row><Row><K>2</K></Row><T>t</T></L>", by: 5, rows: ["Row"]) {
            rows.append($0.text("K") ?? "")
        }
        #expect(rows == ["1", "2"])
        #expect(root.children.map(\.name) == ["N", "T"])
    }

    @Test func `entities are refused`() throws {
        let bomb = """
            <?xml version="1.0"?><!DOCTYPE z [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><z>&b;</z>
            """
        try expectFault(.damaged, "document type") { try read(bomb, by: 11) }
        try expectFault(.damaged, "document type") {
            try read("<!DOCTYPE z SYSTEM \"file:///etc/passwd\"><z/>", by: 100)
        }
        try expectFault(.damaged, "undefined entity") { try read("<z>&b;</z>", by: 100) }
    }

    @Test(arguments: ["", "<a>", "<a></b>", "plain", "<a/><b/>", "<a>\u{0}</a>"])
    func `what is no document is damaged`(_ text: String) throws {
        try expectFault(.damaged) { try read(text, by: 100) }
    }

    @Test func `depth and size are limited`() throws {
        let deep = String(repeating: "<a>", count: 33)
        try expectFault(.limit, "inside of each other") { try read(deep, by: 100) }
        let long = "<a>" + String(repeating: "x", count: 5 << 20) + "</a>"
        try expectFault(.limit, "bytes of XML") { try read(long, by: 1 << 16) }
        let many = "<a>" + String(repeating: "<b/>", count: 100_000) + "</a>"
        try expectFault(.limit, "bytes of XML") { try read(many, by: 1 << 16) }
        // A listing may be longer than what is kept.
        var count = 0
        _ = try read(many, by: 1 << 16, rows: ["b"]) { _ in count += 1 }
        #expect(count == 100_000)
        // Rows don't make room for what is kept between them.
        let mixed = "<a>" + String(repeating: "<b/><c/>", count: 100_000) + "</a>"
        try expectFault(.limit, "bytes of XML") { try read(mixed, by: 1 << 16, rows: ["b"]) }
        let text = "<a>" + String(repeating: "<b/>\(String(repeating: " ", count: 100))", count: 50_000) + "</a>"
        try expectFault(.limit, "bytes of XML") { try read(text, by: 1 << 16, rows: ["b"]) }
    }

    @Test func `what is written is read`() throws {
        let element = XMLElement("T", "", [XMLElement("K", "a<&>\"'é\r\n"), XMLElement("V")])
        #expect(try XMLReader.read(element.document()) == element)
    }
}
