import Platform
import Settings
import Testing

struct TomlDocumentTests {
    @Test(
        "What is no TOML is told with line and column",
        arguments: [
            ("a = ", "f:1:5: error while parsing key-value pair: encountered end-of-file"),
            ("a = 1\na = 2\n", "f:2:5: error while parsing key-value pair: cannot redefine existing integer 'a'"),
            ("x = 1\n[[[\n", "f:2:1: unexpected character"),
            ("a = [1,\n", "f:1:9: error while parsing array: encountered end-of-file"),
            ("a = \"\u{0}\"", "f:1:6: error while parsing string: unescaped control characters"),
        ])
    func syntax(_ text: String, _ message: String) throws {
        let fault = try Samples.fault { try TomlDocument(bytes: Array(text.utf8), file: "f") }
        #expect(fault.code == .settings)
        #expect(fault.message.hasPrefix(message), "\(fault.message)")
    }

    @Test(
        "A string without quotes is advised to have some, and nothing else is",
        arguments: [
            ("kind = hosts", "A string stands in quotes: kind = \"hosts\"."),
            ("a = 1\n path=/var/log # logs", "A string stands in quotes: path = \"/var/log\"."),
            ("a = \"b", nil), ("a = ", nil), ("a = 'b", nil), ("= 3", nil), ("a = 1\na = 2", nil),
            ("a = true\n[[[", nil),
        ] as [(String, String?)])
    func quotes(_ text: String, _ hint: String?) throws {
        let fault = try Samples.fault { try TomlDocument(bytes: Array(text.utf8), file: "f") }
        #expect(fault.hint == hint)
    }

    @Test("Bytes that are no UTF-8 are refused, not repaired")
    func encoding() throws {
        let fault = try Samples.fault { try TomlDocument(bytes: Array("a = \"x".utf8) + [0xFF, 0x22], file: "f") }
        #expect(fault.code == .settings)
        #expect(fault.message.hasPrefix("f:1:"), "\(fault.message)")
    }

    @Test("A file of more than 1 MiB is refused; one of 1 MiB is read")
    func size() throws {
        let comment = [UInt8](repeating: UInt8(ascii: "#"), count: 1 << 20)
        _ = try TomlDocument(bytes: comment, file: "f")
        let fault = try Samples.fault { try TomlDocument(bytes: comment + [0x23], file: "f") }
        #expect(fault.code == .limit)
        #expect(fault.message == "f: a settings file has at most 1 MiB")
    }

    @Test(
        "Depth is bounded, so that no text can overflow the stack",
        arguments: [
            (String(repeating: "a.", count: 500_000) + "a = 1", "f:1:1: too many dots in one line"),
            ("\n[" + String(repeating: "a.", count: 500) + "a]", "f:2:1: tables nested too deeply"),
            ("a = " + String(repeating: "[", count: 100_000), "f:1:"),
        ])
    func depth(_ text: String, _ message: String) throws {
        let fault = try Samples.fault { try TomlDocument(bytes: Array(text.utf8), file: "f") }
        #expect(fault.code == .settings)
        #expect(fault.message.hasPrefix(message), "\(fault.message)")
    }

    @Test("Values of every type come through, with their places")
    func values() throws {
        let text = """
            s = "ä\\n"
            i = -14
            b = true
            a = ["x",
              "y"]
            [t.u]
            k = 1
            """
        let root = try TomlDocument(bytes: Array(text.utf8), file: "f").root
        #expect(root.string("s") == "ä\n")
        #expect(root.integer("i", in: -20...0) == -14)
        #expect(root.boolean("b") == true)
        let list = try #require(root.strings("a", "strings"))
        #expect(list.map(\.text) == ["x", "y"])
        #expect(list.map(\.position.description) == ["4:6", "5:3"])
        let tables = root.tables("t")
        #expect(tables.map(\.name) == ["u"])
        #expect(tables.map(\.position.description) == ["6:4"])
        #expect(tables.first?.table.path == ["t", "u"])
        #expect(tables.first?.table.integer("k", in: 0...1) == 1)
        #expect(root.string("none") == nil)
        #expect(root.askedKeys == ["s", "i", "b", "a", "t", "none"])
    }

    @Test("Up to a hundred problems are told in the order of the file, and the others counted")
    func manyProblems() throws {
        let text = (1...101).map { "unknown\($0) = 1\n" }.joined()
        let document = try TomlDocument(bytes: Array(text.utf8), file: "f")
        _ = document.root.string("unknown")
        document.root.refuseUnknownKeys()
        let fault = try Samples.fault { try document.problems.throwIfAny() }
        let lines = fault.message.split(separator: "\n")
        #expect(lines.count == 101)
        #expect(lines.first == "f:1:1: unknown key 'unknown1' (Did you mean 'unknown'?)")
        #expect(lines[99].hasPrefix("f:100:1: unknown key 'unknown100'"))
        #expect(lines.last == "f: 1 more problem")
        // Each stands behind its own line.
        #expect(fault.hint == nil)
    }

    @Test("A value of the wrong type is named as it was found")
    func found() throws {
        let text = """
            a = 1.5
            b = 2026-01-01
            c = []
            d = { x = 1 }
            e = "\(String(repeating: "x", count: 200))\\u001b"
            """
        let document = try TomlDocument(bytes: Array(text.utf8), file: "f")
        for key in ["a", "b", "c", "d", "e"] { _ = document.root.boolean(key) }
        let fault = try Samples.fault { try document.problems.throwIfAny() }
        #expect(
            fault.message.split(separator: "\n") == [
                "f:1:5: 'a': expected true or false, found 1.5",
                "f:2:5: 'b': expected true or false, found a date or time",
                "f:3:5: 'c': expected true or false, found an empty array",
                "f:4:5: 'd': expected true or false, found a table",
                "f:5:5: 'e': expected true or false, found \"\(String(repeating: "x", count: 80))...\"",
            ])
    }

    @Test("Control characters of a value never reach a message")
    func controls() throws {
        let document = try TomlDocument(bytes: Array(#""k\u001b[2J" = 1"#.utf8), file: "f")
        document.root.refuseUnknownKeys()
        let fault = try Samples.fault { try document.problems.throwIfAny() }
        #expect(fault.message == #"f:1:1: unknown key 'k\u{1B}[2J'"#)
    }
}
