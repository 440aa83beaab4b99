import Platform
import Settings
import Testing

struct NameTemplateTests {
    private typealias Variable = NameTemplate.Variable

    @Test("A template is literals and variables, in order")
    func parts() throws {
        let template = try NameTemplate("a{tenant}{yyyy}-ä/{rest}", allowed: Set(NameTemplate.Variable.allCases))
        #expect(
            template.parts == [
                .literal("a"), .variable(.tenant), .variable(.yyyy), .literal("-ä/"), .variable(.rest),
            ])
        #expect(template.variables == [.tenant, .yyyy, .rest])
        #expect(template.expand { "<\($0.rawValue)>" } == "a<tenant><yyyy>-ä/<rest>")
        #expect(template.description == "a{tenant}{yyyy}-ä/{rest}")
    }

    @Test(
        "A wrong template is told with the column inside it",
        arguments: [
            ("{", "column 1: '{' has no '}' behind it"),
            ("ab{host", "column 3: '{' has no '}' behind it"),
            ("a}", "column 2: '}' has no '{' before it"),
            ("ä}", "column 2: '}' has no '{' before it"),
            ("{host{yyyy}", "column 1: '{' has no '}' before the next '{'"),
            ("{{host}}", "column 1: '{' has no '}' before the next '{'"),
            ("x/{}", "column 3: unknown variable '{}'"),
            ("x/{tenat}", "column 3: unknown variable '{tenat}'"),
            ("x/{rest}", "column 3: variable '{rest}' can't stand here"),
            ("a\tb", "column 2: a control character can't stand here"),
        ])
    func problems(_ text: String, _ message: String) throws {
        let fault = try Samples.fault { try NameTemplate(text, allowed: [.tenant, .host, .yyyy]) }
        #expect(fault.code == .settings)
        #expect(fault.message == message)
    }

    @Test("An unknown variable gets the nearest one as a hint, or all of them")
    func hints() throws {
        let near = try Samples.fault { try NameTemplate("{hots}", allowed: [.tenant, .host]) }
        #expect(near.hint == "Did you mean '{host}'?")
        let far = try Samples.fault { try NameTemplate("{qqqq}", allowed: [.tenant, .host]) }
        #expect(far.hint == "Variables here are {tenant}, {host}.")
        // A variable that can't stand there is never suggested.
        let other = try Samples.fault { try NameTemplate("{yyy}", allowed: [.tenant, .host]) }
        #expect(other.hint == "Variables here are {tenant}, {host}.")
    }
}
