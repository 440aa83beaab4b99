import Platform
import Testing

@testable import Retention

@Suite struct DepartureNameTests {
    @Test("Every object has a name of its own, and comes back from it")
    func names() throws {
        let objects: [ByteString] = [
            "lake/data/a=b/c d", "lake/data/%41", "lake/data/A", "lake/data/é", "lake/data/e\u{301}", "lake/data//x",
            "lake/data/line\nfeed", ByteString(bytes: [0x6C, 0xFF]),
        ]
        var names: Set<String> = []
        for object in objects {
            let name = Departure.name(ofObject: object)
            #expect(name.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
            #expect(try Departure.object(named: name) == object)
            names.insert(name)
        }
        #expect(names.count == objects.count)
        #expect(Departure.name(ofObject: "lake/data/a=b/c d") == "lake/data/a=b/c d")
        #expect(try Departure.bucket(named: Departure.name(ofSnapshot: "lake-01-mar-2026")) == "lake-01-mar-2026")
        #expect(Departure.names(for: "s3://lake-01-mar-2026/d/a") == ["s3://lake-01-mar-2026/"])
        #expect(Departure.names(for: "siem/a%20b/x.tar.gz") == ["siem/a%20b/x.tar.gz", "siem/a%2520b/x.tar.gz"])
    }
}
