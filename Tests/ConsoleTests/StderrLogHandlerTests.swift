import Console
import Glibc
import Logging
import Testing

@Suite(.timeLimit(.minutes(10)))
struct StderrLogHandlerTests {
    /// One message of each level, and some that are odd.
    private static func log(_ level: Logger.Level) {
        var logger = Logger(label: "pack") { _ in StderrLogHandler(program: "pack", level: level) }
        logger.trace("t")
        logger.debug("d")
        logger.info("i")
        logger.notice("n")
        logger.warning("w")
        logger.error("e")
        logger.critical("c")
        logger[metadataKey: "b"] = "2"
        logger.error("with more", metadata: ["c": "3", "a": "1", "b": "two"])
        logger.error("with\nnewlines\n<2>faked")
        logger[metadataKey: "b"] = nil
        logger.error("with advice", metadata: ["hint": "Do\nit.", "a": "1"])
    }

    private func lines(_ result: ExitTest.Result?) throws -> [String] {
        let errors = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        return errors.split(separator: "\n").map(String.init).filter { line in
            ["pack: ", "<", "HINT: "].contains { line.hasPrefix($0) }
        }
    }

    @Test func `lines have the program and a word for what needs eyes`() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            unsetenv("JOURNAL_STREAM")
            Self.log(.trace)
        }
        let expected = [
            "pack: debug: t", "pack: debug: d", "pack: i", "pack: n", "pack: warning: w", "pack: error: e",
            "pack: error: c",
            "pack: error: with more a=1 b=two c=3", "pack: error: with newlines <2>faked b=2",
            "pack: error: with advice a=1", "HINT: Do it.",
        ]
        #expect(try lines(result) == expected)
    }

    @Test func `the journal gets a level before each line`() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            claimJournal()
            Self.log(.trace)
        }
        let expected = [
            "<7>t", "<7>d", "<6>i", "<5>n", "<4>w", "<3>e", "<2>c", "<3>with more a=1 b=two c=3",
            "<3>with newlines <2>faked b=2", "<3>with advice a=1", "<3>HINT: Do it.",
        ]
        #expect(try lines(result) == expected)
    }

    @Test(arguments: ["8:12345", "", "8", "1:2:3"])
    func `a journal that another stream goes to is none`(stream: String) async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            [stream = stream as String] in
            setenv("JOURNAL_STREAM", stream, 1)
            Self.log(.critical)
        }
        #expect(try lines(result) == ["pack: error: c"])
    }

    @Test func `messages below the level are left out`() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            unsetenv("JOURNAL_STREAM")
            Self.log(.warning)
        }
        let expected = [
            "pack: warning: w", "pack: error: e", "pack: error: c", "pack: error: with more a=1 b=two c=3",
            "pack: error: with newlines <2>faked b=2", "pack: error: with advice a=1", "HINT: Do it.",
        ]
        #expect(try lines(result) == expected)
    }
}

/// Lets stderr be the stream that systemd would have connected to the journal.
func claimJournal() {
    var status = stat()
    fstat(STDERR_FILENO, &status)
    setenv("JOURNAL_STREAM", "\(status.st_dev):\(status.st_ino)", 1)
}
