import Console
import Ledger
import Platform
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct EntryLineTests {
    private func entry(_ kind: EntryKind, mode: UInt32, size: Int64 = 0, link: ByteString = "") -> Entry {
        Entry(
            key: "name", kind: kind, size: size, modified: Timestamp(seconds: 0), mode: mode, uid: 0, gid: 0, link: link
        )
    }

    @Test(arguments: [
        (EntryKind.file, UInt32(0o644), "-rw-r--r--"), (.directory, 0o755, "drwxr-xr-x"),
        (.symlink, 0o777, "lrwxrwxrwx"),
        (.hardLink, 0o600, "hrw-------"), (.fifo, 0o640, "prw-r-----"), (.socket, 0o777, "srwxrwxrwx"),
        (.blockDevice, 0o660, "brw-rw----"), (.characterDevice, 0o666, "crw-rw-rw-"), (.file, 0, "----------"),
        (.file, 0o7777, "-rwsrwsrwt"), (.file, 0o7000, "---S--S--T"), (.file, 0o4711, "-rws--x--x"),
        (.file, 0o2644, "-rw-r-Sr--"), (.directory, 0o1777, "drwxrwxrwt"), (.directory, 0o1770, "drwxrwx--T"),
    ])
    func `modes are written as ls has them`(kind: EntryKind, mode: UInt32, text: String) {
        let line = EntryLine.text(entry(kind, mode: mode))
        #expect(line.hasPrefix(text + " 0/0 "))
    }

    @Test func `links tell where they point`() {
        #expect(EntryLine.text(entry(.symlink, mode: 0o777, link: "../a\nb")).hasSuffix(" name -> ../a\\x0Ab"))
        #expect(EntryLine.text(entry(.hardLink, mode: 0o644, link: "first")).hasSuffix(" name link to first"))
        #expect(EntryLine.text(entry(.file, mode: 0o644)).hasSuffix(" name"))
    }

    @Test func `lines are those of tar, but for the width of the size`() async {
        // The time zone belongs to the whole process.
        await #expect(processExitsWith: .success) { try compareWithTar() }
    }
}

private func compareWithTar() throws {
    try Clock.useTimeZone("Europe/Berlin")
    let top = try TemporaryDirectory()
    let tree = try TreeBuilder(top.path)
    let winter = Timestamp(seconds: 1_700_000_000, nanoseconds: 5)
    let summer = Timestamp(seconds: 1_690_000_000)
    try tree.file("tree/file", Array(repeating: 1, count: 12_345), mode: 0o4750, modified: winter)
    try tree.file("tree/with space", [1], mode: 0o604, modified: summer)
    try tree.symlink("tree/link", to: "file", modified: winter)
    try tree.directory("tree/sub", mode: 0o1777, modified: summer)
    let names = ["tree/file", "tree/link", "tree/sub", "tree/with space"]
    let made = try runBlocking(["tar", "cf", "a.tar", "--numeric-owner"] + names, directory: top.path)
    let listed = try runBlocking(
        ["tar", "tvf", "a.tar", "--numeric-owner"], environment: ["TZ": "Europe/Berlin"], directory: top.path)
    try #require(made.status == 0 && listed.lines.count == 4)
    func words(_ line: String) -> [Substring] { line.split(separator: " ") }
    for (name, line) in zip(names, listed.lines) {
        let components = ByteString(name).components
        let directory = try tree.root.directory("tree")
        let status = try directory.status(components[1])
        let link: ByteString = status.kind == .symlink ? try directory.readLink(components[1]) : ""
        let isDirectory = status.kind == .directory
        let entry = Entry(
            key: ByteString(name + (isDirectory ? "/" : "")), kind: EntryKind(status.kind),
            size: status.kind == .file ? status.size : 0, modified: status.modified, mode: status.mode,
            uid: status.uid, gid: status.gid, link: link)
        let text = EntryLine.text(entry)
        try #require(words(text) == words(line), "\(text) | \(line)")
        let marked = EntryLine.text(entry, showsOffset: true)
        let offset = status.modified == summer ? "+02:00" : "+01:00"
        try #require(marked == text.replacing(" \(name)", with: "\(offset) \(name)"))
    }
}
