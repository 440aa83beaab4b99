import Platform
import TestSupport
import Testing

@testable import Notify

struct TextfileChannelTests {
    @Test("figures of one name stand together, below one type") func text() {
        let expected = """
            # HELP coldchain_backlog_runs Runs that wait.
            # TYPE coldchain_backlog_runs gauge
            coldchain_backlog_runs{job="siem"} 2
            # HELP coldchain_run_seconds How long the newest run took.
            # TYPE coldchain_run_seconds gauge
            coldchain_run_seconds{job="siem",stage="pack"} 3725
            coldchain_run_seconds{job="siem",stage="ship"} 12.5

            """
        #expect(TextfileChannel.text(sampleNotice()) == expected)
    }

    @Test("the file is replaced as a whole, and left alone by a notice without figures") func file() throws {
        let directory = try TemporaryDirectory()
        let channel = TextfileChannel(name: "prom", directory: directory.path)
        try channel.send(sampleNotice())
        var changed = sampleNotice()
        changed.metrics.removeLast()
        try channel.send(changed)
        var later = sampleNotice()
        later.metrics = []
        try channel.send(later)
        let place = try Directory.open(directory.path)
        let names = try place.names()
        let bytes = try place.readFile("coldchain-siem.prom")
        #expect(names == ["coldchain-siem.prom"])
        #expect(bytes == Array(TextfileChannel.text(changed).utf8))
    }

    @Test("a directory that is not there is told") func missing() throws {
        let channel = TextfileChannel(name: "prom", directory: "/nonexistent/directory")
        try expectFault(.notFound, "/nonexistent/directory") { try channel.send(sampleNotice()) }
    }
}
