import Console
import Platform
import Testing

struct PathSelectionTests {
    @Test(
        arguments: [
            (["a"], "a", true), (["a"], "a/", true), (["a"], "a/b", true), (["a"], "a/b/", true), (["a"], "ab", false),
            (["a"], "b/a", false), (["a/"], "a", true), (["a/"], "a/b", true), (["a/b"], "a", false),
            (["a/b"], "a/", false),
            (["/"], "a", false), (["*.log"], "x.log", true), (["*.log"], "a/b/x.log", true),
            (["*.log"], "x.log.gz", false),
            (["a/*"], "a/b/c", true), (["a/*"], "a", false), (["?"], "a/", true), (["[ab]"], "b", true),
            (["[ab]"], "c", false),
            (["x", "a"], "a/b", true), (["x", "y"], "a", false), ([], "anything", true), (["-rf"], "-rf", true),
            (["a[1]"], "a[1]", true), (["a[1]"], "a[1]/b", true), (["a*"], "a\nb", true),
        ] as [([String], ByteString, Bool)])
    func `a path selects itself and all below, a glob what it matches`(
        patterns: [String], name: ByteString, isSelected: Bool
    ) {
        #expect(PathSelection(patterns).matches(name) == isSelected)
    }

    @Test func `names that are no UTF-8 are matched by their bytes`() {
        let name = ByteString(bytes: [0x61, 0xFF, 0x62])
        #expect(PathSelection(["a*b"]).matches(name))
        #expect(!PathSelection(["a?"]).matches(name))
    }

    @Test func `a pattern that nothing matched is told as it was given`() throws {
        let selection = PathSelection(["a/", "*.log", "missing/", "other"])
        for name in ["a/b", "x.log"] as [ByteString] { _ = selection.matches(name) }
        let failure = #expect(throws: Fault.self) {
            try selection.checkAllMatched(in: "acme.tar.gz", list: "pack list acme.tar.gz")
        }
        #expect(failure?.code == .notFound)
        #expect(failure?.message == "acme.tar.gz: has no 'missing/'")
        _ = selection.matches("missing")
        let next = #expect(throws: Fault.self) {
            try selection.checkAllMatched(in: "acme.tar.gz", list: "pack list acme.tar.gz")
        }
        #expect(next?.message == "acme.tar.gz: has no 'other'")
        _ = selection.matches("other/below")
        try selection.checkAllMatched(in: "acme.tar.gz", list: "pack list acme.tar.gz")
        try PathSelection([]).checkAllMatched(in: "acme.tar.gz", list: "pack list acme.tar.gz")
    }
}
