import Console
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
            var kind: String
        }
        var commandName: String
        var discussion: String?
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
            let page = try Page("\(program.rawValue).1")
            var missing: [String] = []
            var count = 0
            func options(_ command: Tool.Command) -> [String] {
                (command.arguments ?? []).flatMap { $0.names ?? [] }.filter { $0.kind == "long" }.map(\.name)
            }
            for option in options(tool.command) where !page.common.contains("Fl \\-\(option)") {
                missing.append("--\(option)")
            }
            for command in tool.command.subcommands ?? [] where command.commandName != "help" {
                guard let text = page.commands[command.commandName] else {
                    missing.append(command.commandName)
                    continue
                }
                for option in options(command) {
                    count += 1
                    // Where it is told, and in the synopsis, if it is not one that every command has.
                    if !text.contains(".It Fl \\-\(option)"), !text.contains(", Fl \\-\(option)"),
                        !page.shared.contains("Fl \\-\(option)")
                    {
                        missing.append("\(command.commandName) --\(option)")
                    }
                    let synopsis = page.synopses[command.commandName] ?? ""
                    if !synopsis.contains("Fl \\-\(option)"), !page.shared.contains("Fl \\-\(option)") {
                        missing.append("\(command.commandName) --\(option) in the synopsis")
                    }
                }
            }
            #expect(missing.isEmpty)
            #expect(count > 10)
        }

        /// The parts of a page that options may stand in.
        private struct Page {
            /// Of a run of the stage, and what is told of all commands.
            var common: String
            /// What is told of all commands.
            var shared: String
            /// By command.
            var commands: [String: String] = [:]
            var synopses: [String: String] = [:]

            init(_ name: String) throws {
                let text = try String(
                    decoding: Data(contentsOf: URL(filePath: Repository.root + "/man/" + name)), as: UTF8.self)
                func part(_ from: String, _ to: String) throws -> Substring {
                    let start = try #require(text.firstRange(of: from), "\(from)")
                    let end = try #require(text[start.upperBound...].firstRange(of: to), "\(to)")
                    return text[start.upperBound..<end.lowerBound]
                }
                shared = String(try part("\n.Ss Common options\n", "\n.Sh "))
                common = try part("\n.Ss Options of a run\n", "\n.Ss ") + shared
                let list = "\n" + (try part("\n.Ss Commands\n", "\n.Ss "))
                for item in list.split(separator: "\n.It Xo\n.Nm\n.Cm ").dropFirst() {
                    commands[String(item.prefix { $0 != "\n" }), default: ""] += item
                }
                for item in (try part("\n.Sh SYNOPSIS\n", "\n.Sh ")).split(separator: ".Nm\n.Cm ").dropFirst() {
                    synopses[String(item.prefix { $0 != "\n" }), default: ""] += item
                }
            }
        }

        @Test("Options that take a value are known to be such, so that they may stand before a command")
        func values() async throws {
            var (values, flags): (Set<String>, Set<String>) = ([], [])
            func look(_ command: Tool.Command) {
                for argument in command.arguments ?? [] {
                    let names = (argument.names ?? []).filter { $0.kind == "long" }.map(\.name)
                    if argument.kind == "option" { values.formUnion(names) } else { flags.formUnion(names) }
                }
                for below in command.subcommands ?? [] { look(below) }
            }
            for program in Program.allCases {
                let dump = try await run([program.path, "--experimental-dump-help"])
                look(try JSONDecoder().decode(Tool.self, from: Data(dump.stdout)).command)
            }
            #expect(DoorArguments.valued == values)
            // Which of both is meant is seen by what follows.
            #expect(values.intersection(flags) == ["wait"])
        }

        @Test("every exit status stands in each man page", arguments: Program.allCases)
        func hasExitStatus(_ program: Program) async throws {
            let page = try String(
                decoding: Data(contentsOf: URL(filePath: Repository.root + "/man/\(program.rawValue).1")), as: UTF8.self
            )
            let missing = ["0", "1", "3", "64", "75", "78", "128+n"].filter { !page.contains("\n.It \($0)\n") }
            #expect(missing.isEmpty)
            // Those that the help tells, of the stage and of each command, are among them.
            let dump = try await run([program.path, "--experimental-dump-help"])
            let tool = try JSONDecoder().decode(Tool.self, from: Data(dump.stdout))
            for command in [tool.command] + (tool.command.subcommands ?? []) {
                let words = (command.discussion ?? "").split(whereSeparator: \.isWhitespace).joined(separator: " ")
                for sentence in words.matches(of: /Exit(?:s| status:?)[^.]*/) {
                    for number in sentence.output.matches(of: /\b(\d+)\b/) where number.output.1 != "128" {
                        #expect(
                            page.contains("\n.It \(number.output.1)\n"), "\(command.commandName): \(sentence.output)")
                    }
                }
            }
        }
    }
}
