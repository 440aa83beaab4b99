import Codec
import Ledger
import Platform
import TestSupport
import Testing

struct JSONFileTests {
    private static let unit: UnitRecord = {
        var record = UnitRecord(
            job: "siem", run: "2026-11-20", stage: .pack, unit: "acme/2026/11/20/web1", attempt: "0123",
            tool: "coldchain 0",
            startedAt: "2026-11-21T01:02:03Z", finishedAt: "2026-11-21T01:02:04Z",
            inputs: ["list.web1": "abc", "größe": "\"\\/\n"],
            outputs: [.init(path: "pack/a.tar.gz", size: .max, sha256: SHA256Hasher.digest(of: []))],
            counts: ["taken": 1, "skipped.fifo": -2])
        record.warnings = ["two files could not be read"]
        record.hosts = [.init(host: "web1", firstKey: "a%0A", entries: 3)]
        record.tenant = "acme"
        return record
    }()

    private static let stage: StageRecord = {
        var record = StageRecord(
            job: "siem", run: "2026-11-20", stage: .ship, attempt: "0123", state: .partial, host: "backup1", pid: 12,
            startedAt: "2026-11-21T01:02:03Z")
        record.failed = [.init(unit: "web1", why: "no route")]
        record.seconds = 1.5
        return record
    }()

    private static let run = RunRecord(
        job: "siem", run: "2026-11-20", timezone: "Europe/Berlin", paths: ["web1": "/mnt/web1"], layout: "{rest}",
        archive: "{tenant}", member: "{rest}", openedBy: "root@backup1", openedAt: "2026-11-21T01:02:03Z")

    private func checkRoundTrip<Record: Codable & Equatable>(_ record: Record, _ directory: Directory) throws {
        try JSONFile.write(record, to: "record.json", in: directory)
        #expect(try JSONFile.read(Record.self, "record.json", in: directory) == record)
        let line = try JSONFile.encodeLine(record)
        #expect(!line.contains(0x0A))
        let bytes = try directory.readFile("record.json")
        #expect(bytes.last == 0x0A)
        #expect(try directory.names() == ["record.json"], "no temporary file is left")
    }

    @Test func `records come back`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            try checkRoundTrip(Self.unit, directory)
            try checkRoundTrip(Self.stage, directory)
            try checkRoundTrip(Self.run, directory)
        }
    }

    @Test func `a record is for people and jq, one sorted key a line`() throws {
        let text = String(decoding: try JSONFile.encode(Self.run), as: UTF8.self)
        #expect(
            text == """
                {
                  "archive" : "{tenant}",
                  "format" : 1,
                  "job" : "siem",
                  "layout" : "{rest}",
                  "member" : "{rest}",
                  "openedAt" : "2026-11-21T01:02:03Z",
                  "openedBy" : "root@backup1",
                  "paths" : {
                    "web1" : "/mnt/web1"
                  },
                  "run" : "2026-11-20",
                  "timezone" : "Europe/Berlin"
                }

                """)
    }

    @Test(arguments: [
        #"{"format": 2}"#, #"{"format": 2, "job": "siem", "what": ["is", "new"]}"#, #"{"format": 0}"#,
    ])
    func `a record of another format is left to the version that knows it, and never called damaged`(text: String)
        throws
    {
        try withTemporaryDirectory { path in
            try TreeBuilder(path).file("run.json", text: text)
            let directory = try Directory.open(path)
            let failure = #expect(throws: Fault.self) {
                try JSONFile.read(RunRecord.self, "run.json", in: directory)
            }
            #expect(failure?.code == .unsupported)
            #expect(failure?.message.hasPrefix("\(path)/run.json: is a record of format ") == true)
            #expect(failure?.hint?.contains("remove") == false)
        }
    }

    @Test func `there is no record where there is no file`() throws {
        try withTemporaryDirectory { path in
            let directory = try Directory.open(path)
            #expect(try JSONFile.read(RunRecord.self, "run.json", in: directory) == nil)
        }
    }

    @Test func `words of a later version are passed over`() throws {
        try withTemporaryDirectory { path in
            let tree = try TreeBuilder(path)
            let text = String(decoding: try JSONFile.encode(Self.run), as: UTF8.self)
            try tree.file("run.json", text: "{ \"later\": [1, {\"x\": null}]," + text.dropFirst())
            #expect(try JSONFile.read(RunRecord.self, "run.json", in: tree.root) == Self.run)
        }
    }

    private func readFault<Record: Decodable>(_ type: Record.Type, _ bytes: [UInt8]) throws -> String {
        try withTemporaryDirectory { path in
            let tree = try TreeBuilder(path)
            try tree.file("record.json", bytes)
            let failure = fault { try JSONFile.read(type, "record.json", in: tree.root) }
            #expect(failure?.code == .damaged)
            #expect(failure?.hint?.contains("remove it and run the stage again") == true)
            let message = failure?.message ?? ""
            #expect(message.hasPrefix("\(path)/record.json: "))
            return String(message.dropFirst(path.count + "/record.json: ".count))
        }
    }

    @Test func `a record torn anywhere is damaged and names its file`() throws {
        let bytes = try JSONFile.encode(Self.unit)
        // The last two bytes are the closing brace and the newline; without the newline the record is whole.
        for count in stride(from: 0, through: bytes.count - 2, by: 7) {
            let words = try readFault(UnitRecord.self, Array(bytes[..<count]))
            #expect(words.hasPrefix("is no valid JSON record") || words.hasPrefix("has no '"), "\(count): \(words)")
        }
        #expect(try readFault(UnitRecord.self, [0xFF, 0xFE, 0x00]).hasPrefix("is no valid JSON record"))
        #expect(try readFault(UnitRecord.self, Array(repeating: 0, count: 100)).hasPrefix("is no valid JSON record"))
        let deep = Array(repeating: UInt8(ascii: "["), count: 100_000)
        #expect(try readFault(UnitRecord.self, deep).hasPrefix("is no valid JSON record"))
    }

    @Test(arguments: [
        ("\"attempt\" : \"0123\",", "", "has no 'attempt'"),
        ("\"pid\" : 12,", "\"pid\" : \"12\",", "'pid' is not what it should be"),
        ("\"state\" : \"partial\"", "\"state\" : \"perhaps\"", "is no valid JSON record"),
        ("\"stage\" : \"ship\"", "\"stage\" : null", "'stage' is not what it should be"),
        ("\"unit\" : \"web1\"", "\"unit\" : 7", "unit' is not what it should be"),
    ])
    func `an edited record says what is wrong`(text: String, edited: String, words: String) throws {
        let record = String(decoding: try JSONFile.encode(Self.stage), as: UTF8.self)
        let parts = record.split(separator: text, omittingEmptySubsequences: false)
        #expect(parts.count == 2)
        let message = try readFault(StageRecord.self, Array(parts.joined(separator: edited).utf8))
        #expect(message.contains(words), "\(message)")
    }

    @Test func `an output without a proper digest is refused`() throws {
        let record = String(decoding: try JSONFile.encode(Self.unit), as: UTF8.self)
        let digest = SHA256Hasher.digest(of: []).description
        let parts = record.split(separator: digest, omittingEmptySubsequences: false)
        let message = try readFault(UnitRecord.self, Array(parts.joined(separator: "e3b0").utf8))
        #expect(message.contains("'e3b0' is no SHA-256 digest"))
    }

    @Test func `a directory in a record's place is the system's fault`() throws {
        try withTemporaryDirectory { path in
            let tree = try TreeBuilder(path)
            try tree.directory("run.json")
            let failure = fault { try JSONFile.read(RunRecord.self, "run.json", in: tree.root) }
            #expect(failure?.code != nil && failure?.code != .damaged)
        }
    }
}
