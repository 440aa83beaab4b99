import Ledger
import Platform
import Settings
import Testing

struct WarehouseSettingsTests {
    private func read(_ text: String) throws -> WarehouseSettings {
        try #require(try Samples.read(Samples.lake + text, vaults: [Samples.bucket]).warehouse)
    }

    @Test("A job with nothing but the required keys has the defaults")
    func defaults() throws {
        let job = try Samples.read(Samples.lake, vaults: [Samples.bucket])
        let lake = try #require(job.warehouse)
        #expect(job.kind == .warehouse)
        #expect(job.hosts.isEmpty)
        #expect(job.retention.policy.minAge == 90)
        #expect(job.overdue == Period(days: 33) && job.notify.patience == Period(seconds: 36 * 3_600))
        #expect(lake.source.bucket == "acme-lake")
        #expect(lake.inventories == [.init(bucket: "acme-inventory", prefix: "acme-lake/daily")])
        #expect(lake.lag == Period(days: 2))
        #expect(lake.classes == ["STANDARD", "INTELLIGENT_TIERING"])
        #expect(lake.route == .init())
        #expect(lake.batch == nil)
    }

    @Test("All keys are read")
    func keys() throws {
        let lake = try Samples.read(
            """
            kind = "warehouse"
            source = { bucket = "lake", region = "eu-central-1", endpoint = "http://localhost:1", addressing = "path" }
            inventory = ["s3://inv/a/b/", "s3://inv/c"]
            lag = "1 day"
            mode = "full"
            prefix = "w/{database}.db/"
            include = ["s*"]
            exclude = ["*_tmp"]
            classes = ["STANDARD"]
            max_skipped = "0%"
            log_class = "STANDARD_IA"
            route = { inventory_files = 25, objects = 100_000 }
            batch = { account = "222222222222", role_arn = "arn:aws:iam::222222222222:role/batch" }
            databases_at_once = 3
            parts_at_once = 4
            wait = "5 min"
            [retention]
            min_age = "10 days"
            """, vaults: [Samples.bucket]
        ).warehouse
        let read = try #require(lake)
        #expect(read.source.endpoint == "http://localhost:1")
        #expect(read.inventories.map(\.description) == ["s3://inv/a/b", "s3://inv/c"])
        #expect(read.mode == .full)
        #expect(read.maxSkipped == 0)
        #expect(read.route.inventoryFiles == 25)
        #expect(read.route.objects == 100_000)
        #expect(read.batch?.account == "222222222222")
        #expect(read.databasesAtOnce == 3)
        #expect(read.wait == Period(seconds: 300))
        #expect(read.selects("sales"))
        #expect(!read.selects("sales_tmp"))
        #expect(!read.selects("crm"))
    }

    @Test(
        "What is wrong is told with its place",
        arguments: [
            ("lag = \"0 days\"", "5:7: 'lag': expected 1 to 366 days"),
            ("lag = \"12 h\"", "5:7: 'lag': expected whole days, found \"12 h\""),
            ("prefix = \"db/\"", "5:10: 'prefix': expected {database} in it once"),
            ("prefix = \"{database}\"", "5:10: 'prefix': must end with '/'"),
            ("prefix = \"{databas}/\"", "5:10: 'prefix': expected {database} in it once"),
            ("mode = \"some\"", "5:8: 'mode': expected \"incremental\" or \"full\", found \"some\""),
            (
                "classes = [\"GLACIER\"]",
                "5:12: 'classes': objects of class \"GLACIER\" can't be copied without being restored first"
            ),
            ("classes = [\"cold\"]", "5:12: 'classes': expected a storage class such as \"STANDARD\", found \"cold\""),
            ("max_skipped = \"x\"", "5:15: 'max_skipped': expected a share such as \"10%\", found \"x\""),
            ("batch = { account = \"222222222222\" }", "5:9: missing key 'batch.role_arn'"),
            ("route = { files = 1 }", "5:11: unknown key 'route.files'"),
            ("hosts = [\"a\"]", "5:1: unknown key 'hosts'"),
        ])
    func wrong(text: String, message: String) throws {
        let fault = try Samples.fault { try read(text) }
        #expect(fault.message.contains(message), "\(fault.message)")
    }

    @Test("Source and inventories are required, and must be buckets with a place")
    func required() throws {
        let none = try Samples.fault { try Samples.read("kind = \"warehouse\"", vaults: [Samples.bucket]) }
        #expect(none.message.contains("missing key 'source'"))
        #expect(none.message.contains("missing key 'inventory'"))
        let whole = try Samples.fault {
            try Samples.read(
                "kind = \"warehouse\"\nsource = { bucket = \"b/c\" }\ninventory = [\"s3://inv\", \"/x\"]",
                vaults: [Samples.bucket])
        }
        #expect(whole.message.contains("'source.bucket'"))
        #expect(whole.message.contains("found \"s3://inv\""))
        #expect(whole.message.contains("found \"/x\""))
    }

    @Test("A directory can't be the vault")
    func directory() throws {
        let fault = try Samples.fault { try Samples.read(Samples.lake) }
        #expect(fault.message.contains("vault \"disk\" is a directory"))
    }

    @Test(
        "The name of a database is as short as it can be, never empty, and has no slash",
        arguments: [
            ("{database}/", "sales/t/x", "sales"), ("{database}/", "/t/x", nil), ("{database}/", "sales", nil),
            ("{database}/", "sales/", "sales"), ("w/{database}.db/", "w/a.db.db/x", "a.db"),
            ("w/{database}.db/", "w/a.dbx/x", nil), ("w/{database}.db/", "x/a.db/x", nil),
            ("{database}.db/", ".db/a.db/x", nil), ("{database}.db/", "a.db.db/x", "a.db"),
        ] as [(String, String, String?)])
    func names(prefix: String, key: String, name: String?) throws {
        let parsed = try DatabasePrefix(prefix)
        let found = Array(key.utf8).withUnsafeBytes { bytes in
            parsed.name(in: bytes).map { String(decoding: bytes[$0], as: UTF8.self) }
        }
        #expect(found == name)
    }
}
