import FoundationEssentials
import TestSupport
import Testing

/// Runs the cases of `Retention/cases.txt`: what is decided stands there for people to read.
///
/// With `COLDCHAIN_WRITE_GOLDEN=1` the file is written anew; every line that differs is then to be understood.
struct RetentionGoldenTests {
    static let path = Repository.root + "/Tests/LedgerTests/Retention/cases.txt"
    static let cases = RetentionCase.all(path)

    @Test("there are at least forty cases") func count() { #expect(Self.cases.count >= 40) }

    @Test("each case is decided as its golden text says", arguments: cases)
    func golden(_ example: RetentionCase) throws {
        let decided = try example.decided()
        #expect(example.expected == decided)
    }

    @Test(
        "the golden file is written anew on demand",
        .enabled(
            if: ProcessInfo.processInfo.environment["COLDCHAIN_WRITE_GOLDEN"] == "1", "COLDCHAIN_WRITE_GOLDEN is not 1")
    )
    func write() throws {
        let text = try Self.cases.map { "=== \($0.name)\n\($0.input)---\n\(try $0.decided())\n" }.joined()
        try text.write(toFile: Self.path, atomically: true, encoding: .utf8)
    }
}
