import Codec
import Platform
import Settings
import TestSupport
import Testing
import Warehouse

/// Objects in memory as a bucket.
private final class MemoryBucket: InventoryBucket {
    private let objects = Monitor<[ByteString: [UInt8]]>([:])
    let name = "s3://inv"

    subscript(key: ByteString) -> [UInt8]? {
        get { objects.with { $0[key] } }
        set { objects.with { $0[key] = newValue } }
    }

    func list(prefix: String, _ each: (ByteString) throws(Fault) -> Void) throws(Fault) {
        for key in objects.with({ $0.keys.sorted() }) where key.hasPrefix(ByteString(prefix)) { try each(key) }
    }

    func size(_ key: ByteString) throws(Fault) -> Int64? { self[key].map { Int64($0.count) } }

    func read(_ key: ByteString, limit: Int) throws(Fault) -> (bytes: [UInt8], etag: String)? {
        self[key].map { ($0, Inventories.md5($0)) }
    }

    func open(_ key: ByteString) throws(Fault) -> any RangedSource {
        guard let bytes = self[key] else { throw Fault(.notFound, "\(key)") }
        return BytesSource(bytes, name: key.description)
    }

    /// Puts an inventory that was begun at a moment, with one file.
    func inventory(
        _ moment: String, in place: String = "lake/daily", named: String? = nil, format: String = "CSV",
        source: String = "lake"
    ) throws {
        let directory = String(moment.prefix(13)) + "-" + moment.dropFirst(14).prefix(2) + "Z"
        let seconds = try #require(Timestamp(rfc3339: moment)).seconds
        let bytes = try gzipped(Array(Inventories.row("db/a").utf8))
        let part = "\(place)/data/\(directory).csv.gz"
        self[ByteString(part)] = bytes
        let text = """
            {"sourceBucket":"\(source)","creationTimestamp":"\(seconds * 1_000)","fileFormat":"\(format)",\
            "fileSchema":"\(Inventories.schema)","files":[{"key":"\(named ?? part)","size":\(bytes.count),\
            "MD5checksum":"\(Inventories.md5(bytes))"}]}
            """
        self[ByteString("\(place)/\(directory)/manifest.json")] = Array(text.utf8)
        self[ByteString("\(place)/\(directory)/manifest.checksum")] = Array(Inventories.md5(Array(text.utf8)).utf8)
        self[ByteString("\(place)/hive/dt=\(moment.prefix(10))-00-00/symlink.txt")] = []
    }
}

struct InventorySearchTests {
    private let bucket = MemoryBucket()
    private let earliest = Timestamp(seconds: 1_775_088_000)  // 2026-04-02T00:00:00Z
    private let now = Timestamp(seconds: 1_775_088_000 + 5 * 86_400)

    private func find(_ prefix: String = "lake/daily", rejected: Set<ByteString> = []) throws -> InventorySearch.Found {
        try InventorySearch(bucket, .init(bucket: "inv", prefix: prefix), source: "lake", atOnce: 4)
            .find(earliest: earliest, now: now, rejected: rejected)
    }

    @Test("The first inventory that was begun on the day or later is taken")
    func first() throws {
        for moment in ["2026-04-01T23:59:59Z", "2026-04-02T01:00:00Z", "2026-04-03T01:00:00Z"] {
            try bucket.inventory(moment)
        }
        #expect(try find().key == "lake/daily/2026-04-02T01-00Z/manifest.json")
        #expect(try find().url == "s3://inv/lake/daily/2026-04-02T01-00Z/manifest.json")
        let next = try find(rejected: ["lake/daily/2026-04-02T01-00Z/manifest.json"])
        #expect(next.key == "lake/daily/2026-04-03T01-00Z/manifest.json")
    }

    @Test("The day of the example: the inventory of 2 April for the run of 31 March, wherever the job is")
    func day() throws {
        let run = try #require(CivilDate("2026-03-31"))
        // The tests' process has one time zone for all of them.
        let start = InventoryCalendar.earliest(run: run, lagDays: 2)
        #expect(CivilDate(localDayOf: start) == CivilDate("2026-04-02"))
        #expect(CivilDate(localDayOf: Timestamp(seconds: start.seconds - 1)) == CivilDate("2026-04-01"))
    }

    @Test("Nothing yet is told as such")
    func nothing() throws {
        try bucket.inventory("2026-04-01T01:00:00Z")
        try expectFault(.tryLater, "no inventory that was begun at 2026-04-02T00:00:00Z or later") { try find() }
    }

    @Test("What is missing is named, and an inventory after it is taken")
    func incomplete() throws {
        try bucket.inventory("2026-04-02T01:00:00Z")
        let beginning: ByteString = "lake/daily/2026-04-02T01-00Z/manifest"
        let part: ByteString = "lake/daily/data/2026-04-02T01-00Z.csv.gz"
        let (checksum, manifest) = (beginning + ".checksum", beginning + ".json")
        for (key, words) in [
            (checksum, "manifest.checksum is missing"), (manifest, "manifest.json is missing"),
            (part, "s3://inv/\(part) is missing"),
        ] {
            let bytes = bucket[key]
            bucket[key] = nil
            try expectFault(.damaged, words) { try find() }
            bucket[key] = bytes
        }
        let whole = try #require(bucket[part])
        bucket[part] = Array(whole.dropLast())
        try expectFault(.damaged, "has \(whole.count - 1) bytes instead of \(whole.count)") { try find() }
        let text = try #require(bucket[manifest])
        bucket[manifest] = Array(text.dropLast(20))
        try expectFault(.damaged, "manifest.checksum says") { try find() }
        try bucket.inventory("2026-04-03T01:00:00Z")
        let found = try find()
        #expect(found.key == "lake/daily/2026-04-03T01-00Z/manifest.json")
        #expect(found.passedOver.count == 1)
    }

    @Test("A destination prefix that ends with a slash is recognised, by its manifest and without one")
    func slash() throws {
        try bucket.inventory("2026-04-02T01:00:00Z", in: "lake//daily")
        let fault = try expectFault(.settings, "destination prefix ends with a slash: it lies at 'lake//daily/") {
            try find()
        }
        #expect(fault.hint?.contains("Remove the slash") ?? false)
        // The manifest is found, and the file that it names is not.
        let named = "lake/daily/data/x.csv.gz"
        try bucket.inventory("2026-04-02T01:00:00Z", named: named)
        bucket["lake//daily/data/x.csv.gz"] = [1]
        try expectFault(.settings, "the manifest names '\(named)', and the file is 'lake//daily/data/x.csv.gz'") {
            try find()
        }
    }

    @Test("An inventory of another bucket is refused at once, and one in another format until a later one is right")
    func wrong() throws {
        try bucket.inventory("2026-04-02T01:00:00Z", source: "other")
        try expectFault(.settings, "of bucket 'other', not of 'lake'") { try find() }
        for format in ["Parquet", "ORC"] {
            try bucket.inventory("2026-04-02T01:00:00Z", format: format)
            try expectFault(.unsupported, "in \(format)") { try find() }
        }
        try bucket.inventory("2026-04-03T01:00:00Z")
        let found = try find()
        #expect(found.key == "lake/daily/2026-04-03T01-00Z/manifest.json")
        #expect(found.passedOver.first?.contains("is in ORC") ?? false)
    }

    @Test("Files of a wrong prefix that was put right mean nothing once an inventory has arrived")
    func oldSlash() throws {
        try bucket.inventory("2026-03-01T01:00:00Z", in: "lake//daily")
        try expectFault(.settings, "ends with a slash") { try find() }
        try bucket.inventory("2026-03-20T01:00:00Z")
        try expectFault(.tryLater, "is there yet") { try find() }
    }

    @Test("It waits with pauses that grow, as long as there is time, and then tells what is missing")
    func wait() throws {
        let pace = TestPace(seed: 3)
        let waiting = InventoryWait(seconds: 1_800, pace: pace.pace)
        var looks = 0
        let fault = try expectFault(.damaged, "manifest.checksum is missing, after waiting for") {
            try waiting.run(onPause: { _, _ in }) { () throws(Fault) -> Int in
                looks += 1
                throw Fault(.damaged, "manifest.checksum is missing")
            }
        }
        _ = fault
        #expect(looks > 10 && looks < 200)
        #expect(pace.now <= 1_800)
        #expect((pace.pauses.max() ?? 0) > 60)
        let late = InventoryWait(seconds: 1_800, pace: TestPace().pace)
        looks = 0
        let found = try late.run(onPause: { _, _ in }) { () throws(Fault) -> Int in
            looks += 1
            if looks < 4 { throw Fault(.tryLater, "no inventory") }
            return looks
        }
        #expect(found == 4)
        looks = 0
        try expectFault(.settings) {
            try late.run(onPause: { _, _ in }) { () throws(Fault) -> Int in
                looks += 1
                throw Fault(.settings, "wrong")
            }
        }
        #expect(looks == 1)
        let once = InventoryWait(seconds: 0, pace: pace.pace)
        looks = 0
        try expectFault(.tryLater, "no inventory") {
            try once.run(onPause: { _, _ in }) { () throws(Fault) -> Int in
                looks += 1
                throw Fault(.tryLater, "no inventory")
            }
        }
        #expect(looks == 1)
    }
}
