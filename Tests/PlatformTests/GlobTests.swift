import Platform
import Testing

struct GlobTests {
    @Test(
        arguments: [
            ("*", "anything/at/all", true), ("*", "", true), ("", "", true), ("", "a", false),
            ("*.log", "a.log", true), ("*.log", "dir/a.log", true), ("*.log", "a.log.gz", false),
            ("*", ".hidden", true),
            ("web?", "web1", true), ("web?", "web", false), ("web?", "web10", false), ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false), ("[a-c", "[a-c", true), ("a\\*", "a*", true), ("a\\*", "ab", false),
            ("Web*", "web1", false),
        ])
    func `patterns match as in the shell, and a star crosses slashes`(pattern: String, name: String, matches: Bool) {
        #expect(Glob(pattern).matches(name) == matches)
    }

    @Test func `a name that is not UTF-8 is matched by its bytes`() {
        let name = ByteString(bytes: [0x61, 0xFF, 0xFE, 0x7A])
        #expect(Glob("a*z").matches(name))
        #expect(Glob("a??z").matches(name))
        #expect(!Glob("a?z").matches(name))
    }
}
