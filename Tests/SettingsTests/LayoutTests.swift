import Platform
import Settings
import Testing

struct LayoutTests {
    private static func entry(_ tenant: ByteString?, _ category: ByteString?, _ rest: ByteString) -> Layout.Match {
        .entry(Captures(tenant: tenant, category: category, rest: rest))
    }

    @Test(
        "A path fits a layout as documented",
        arguments: [
            // Layouts that end with **
            ("{tenant}/{category}/**", "acme/web/a.log", entry("acme", "web", "a.log")),
            ("{tenant}/{category}/**", "acme/web/a/b.log", entry("acme", "web", "a/b.log")),
            ("{tenant}/{category}/**", "acme/web/", entry("acme", "web", "")),
            ("{tenant}/{category}/**", "acme/web/a/b/", entry("acme", "web", "a/b/")),
            ("{tenant}/{category}/**", "acme/", .above(Captures(tenant: "acme"))),
            ("{tenant}/{category}/**", "acme/x.log", .none),
            ("{tenant}/{category}/**", "x.log", .none),
            ("{tenant}/{category}/**", "", .above(Captures())),
            ("{tenant}/**", "acme/", entry("acme", nil, "")),
            ("{tenant}/**", "acme", .none),
            ("**", "a", entry(nil, nil, "a")),
            ("**", "a/b/", entry(nil, nil, "a/b/")),
            ("**", "", entry(nil, nil, "")),
            ("logs/{tenant}/**", "logs/", .above(Captures())),
            ("logs/{tenant}/**", "logs/acme/x", entry("acme", nil, "x")),
            ("logs/{tenant}/**", "log/acme/x", .none),
            ("logs/{tenant}/**", "logs2/acme/x", .none),
            ("logs/{tenant}/**", "logs2/", .none),
            // Layouts that don't
            ("{tenant}/*.log", "acme/x.log", entry("acme", nil, "x.log")),
            ("{tenant}/*.log", "acme/.log", entry("acme", nil, ".log")),
            ("{tenant}/*.log", "acme/x.txt", .none),
            ("{tenant}/*.log", "acme/x.log/y", .none),
            ("{tenant}/*.log", "acme/x.log/", entry("acme", nil, "x.log/")),
            ("{tenant}/*.log", "acme/", .above(Captures(tenant: "acme"))),
            ("{tenant}", "acme", entry("acme", nil, "acme")),
            // Inside a component
            ("{tenant}-{category}/**", "a-b-c/x", entry("a", "b-c", "x")),
            ("{tenant}-{category}/**", "-b/x", .none),
            ("{tenant}-{category}/**", "a-/x", .none),
            ("{tenant}-{category}/**", "--b/x", entry("-", "b", "x")),
            ("{tenant}.d/**", "a.d.d/x", entry("a.d", nil, "x")),
            ("{tenant}{category}/**", "abc/x", entry("a", "bc", "x")),
            ("{tenant}{category}/**", "a/x", .none),
            ("*{tenant}/**", "abc/x", entry("abc", nil, "x")),
            ("{tenant}*/**", "abc/x", entry("a", nil, "x")),
            ("x*-{tenant}-*y/**", "x1-2-3-y/f", entry("2", nil, "f")),
            ("*a*b*/{tenant}/**", "xxabxx/t/f", entry("t", nil, "f")),
            ("*a*b*/{tenant}/**", "xxbaxx/t/f", .none),
            ("???/{tenant}/**", "abc/t/f", entry("t", nil, "f")),
            ("???/{tenant}/**", "ab/t/f", .none),
            ("???/{tenant}/**", "abcd/t/f", .none),
            ("*/{tenant}/**", "any/t/f", entry("t", nil, "f")),
            // Odd names
            ("{tenant}/**", "_acme/x", entry("_acme", nil, "x")),
            ("{tenant}/**", ".acme/.x", entry(".acme", nil, ".x")),
            ("{tenant}/**", "-acme/-x", entry("-acme", nil, "-x")),
            ("{tenant}/**", "a b/c d", entry("a b", nil, "c d")),
            ("{tenant}/**", "a\nb/c\td", entry("a\nb", nil, "c\td")),
            ("{tenant}/**", "*/{x}", entry("*", nil, "{x}")),
            ("é*/{tenant}/**", "été/t/f", entry("t", nil, "f")),
        ] as [(String, ByteString, Layout.Match)])
    func matching(_ layout: String, _ path: ByteString, _ match: Layout.Match) throws {
        #expect(try Layout(layout).match(path) == match)
    }

    @Test("Names that are no UTF-8 are matched byte by byte")
    func bytes() throws {
        let path = ByteString(bytes: [0xFF, 0x2D, 0xC3, 0x2F, 0x80])
        let captures = Captures(
            tenant: ByteString(bytes: [0xFF]), category: ByteString(bytes: [0xC3]), rest: ByteString(bytes: [0x80]))
        #expect(try Layout("{tenant}-{category}/**").match(path) == .entry(captures))
        #expect(try Layout("?-?/**").match(path) == .entry(Captures(rest: ByteString(bytes: [0x80]))))
    }

    @Test(
        "A wrong layout is told with the column inside it",
        arguments: [
            ("", "column 1: a layout has no empty components"),
            ("/{tenant}", "column 1: a layout has no empty components"),
            ("{tenant}/", "column 10: a layout has no empty components"),
            ("a//b", "column 3: a layout has no empty components"),
            ("a/../b", "column 3: a layout has no '.' or '..'"),
            ("a/.", "column 3: a layout has no '.' or '..'"),
            ("{tenant}/**/x", "column 10: '**' can only be the last component"),
            ("{tenant}/a**", "column 11: '**' can only be a whole component, the last one"),
            ("{tenant", "column 1: '{' has no '}' behind it"),
            ("{a/b}", "column 1: '{' has no '}' behind it"),
            ("x}", "column 2: '}' has no '{' before it"),
            ("a/{tenat}", "column 3: unknown variable '{tenat}'"),
            ("a/{host}", "column 3: variable '{host}' can't stand here"),
            ("{tenant}/{tenant}", "column 10: '{tenant}' stands there twice"),
            ("ä/b\u{7F}", "column 4: a control character can't stand here"),
        ])
    func problems(_ text: String, _ message: String) throws {
        let fault = try Samples.fault { try Layout(text) }
        #expect(fault.code == .settings)
        #expect(fault.message == message)
    }

    @Test("Captures are reached by their variable")
    func captures() {
        let captures = Captures(tenant: "t", category: "c", rest: "r")
        let found = NameTemplate.Variable.allCases.map { captures[$0] }
        #expect(found == ["t", "c", nil, nil, nil, nil, "r"])
    }

    @Test("A pattern of many wildcards takes no exponential time", .timeLimit(.minutes(10)))
    func time() throws {
        let layout = try Layout(String(repeating: "*a", count: 60) + "*b")
        #expect(layout.match(ByteString(bytes: [UInt8](repeating: UInt8(ascii: "a"), count: 4_000))) == .none)
    }
}
