import FoundationEssentials
import TestSupport
import Testing

/// What a program says of itself with `--experimental-dump-help`.
private struct Tool: Decodable {
    struct Command: Decodable {
        struct Argument: Decodable {
            struct Name: Decodable {
                var kind: String
                var name: String
            }
            var names: [Name]?
        }
        var commandName: String
        var arguments: [Argument]?
        var subcommands: [Command]?
    }
    var command: Command
}

extension PipelineTests {
    @Suite struct ManPages {
        @Test("every command and every option stands in its man page", arguments: Program.allCases)
        func isComplete(_ program: Program) async throws {
            let dump = try await run([program.path, "--experimental-dump-help"])
            let tool = try JSONDecoder().decode(Tool.self, from: Data(dump.stdout))
            let page = try String(
                decoding: Data(contentsOf: URL(filePath: Repository.root + "/man/\(program.rawValue).1")), as: UTF8.self
            )
            var missing: [String] = []
            var count = 0
            func look(_ command: Tool.Command, isTop: Bool) {
                if !isTop && !page.contains(command.commandName) { missing.append(command.commandName) }
                for name in (command.arguments ?? []).flatMap({ $0.names ?? [] }) where name.kind == "long" {
                    count += 1
                    if !page.contains("Fl \\-\(name.name)") { missing.append("\(command.commandName) --\(name.name)") }
                }
                for below in command.subcommands ?? [] where below.commandName != "help" { look(below, isTop: false) }
            }
            look(tool.command, isTop: true)
            #expect(missing.isEmpty)
            #expect(count > 20)
        }

        @Test("every exit status stands in each man page", arguments: Program.allCases)
        func hasExitStatus(_ program: Program) async throws {
            let page = try String(
                decoding: Data(contentsOf: URL(filePath: Repository.root + "/man/\(program.rawValue).1")), as: UTF8.self
            )
            let missing = ["0", "1", "3", "64", "75", "78"].filter { !page.contains(".It \($0)") }
            #expect(missing.isEmpty)
        }
    }
}
