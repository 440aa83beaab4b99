import Ledger
import Platform
import Settings
import TestSupport
import Testing

struct PriceFileTests {
    private static func read(_ text: String) throws -> PriceTable {
        try PriceFile.read(try TomlDocument(bytes: Array(text.utf8), file: "prices.toml"))
    }

    @Test("The example is the table that the program brings")
    func example() throws {
        #expect(try PriceFile.load(Repository.root + "/etc/prices.toml") == .listPrices)
    }

    @Test("A file of one's own: a region, a class, terms")
    func own() throws {
        let table = try Self.read(
            """
            date = "2026-11-20"
            [terms.FROZEN]
            minimum_days = 10
            minimum_size = "1 KiB"
            overhead = 5
            [region.mars-1.FROZEN]
            storage = 1
            put = 0.5
            get = 0
            transition = 0.25
            restore.bulk = { requests = 2, bytes = 0.125 }
            """)
        #expect(table.date.description == "2026-11-20")
        #expect(table.terms == ["FROZEN": .init(minimumDays: 10, minimumBytes: 1_024, overhead: 5)])
        let prices = PriceTable.Prices(
            storage: 1, put: 0.5, get: 0, transition: 0.25, restore: ["bulk": .init(requests: 2, bytes: 0.125)])
        #expect(table.regions == ["mars-1": ["FROZEN": prices]])
    }

    @Test(
        "What is wrong is told with its place",
        arguments: [
            ("", "prices.toml:1:1: missing key 'date'"),
            (
                "date = 2026-11-20",
                "prices.toml:1:8: 'date': expected a day such as \"2026-11-20\", found a date or time"
            ),
            ("date = \"2026-02-30\"", "'date': expected a day"),
            ("date = \"2026-11-20\"\nregion.x = 3", "'region.x': expected a table [region.NAME], found 3"),
            ("date = \"2026-11-20\"\nregion.x.Y = 3", "'region.x.Y': expected a table [region.x.NAME], found 3"),
            ("date = \"2026-11-20\"\nregion.x.Y = {}", "missing key 'region.x.Y.storage'"),
            (
                "date = \"2026-11-20\"\n[region.x.Y]\nstorage = -1\nput = 0\nget = 0\ntransition = 0",
                "prices.toml:3:11: 'region.x.Y.storage': expected a price in dollars, found -1"
            ),
            (
                "date = \"2026-11-20\"\n[region.x.Y]\nstorage = \"1\"\nput = 0\nget = 0\ntransition = 0",
                "expected a price in dollars"
            ),
            (
                "date = \"2026-11-20\"\n[region.x.Y]\nstorage = 0\nput = 0\nget = 0\ntransition = 0\nrestore.slow = {}",
                "unknown key 'region.x.Y.restore.slow'"
            ),
            ("date = \"2026-11-20\"\nprice = 1", "unknown key 'price'"),
            ("date = \"2026-11-20\"\n[terms.X]\nminimum_day = 1", "unknown key 'terms.X.minimum_day'"),
        ] as [(String, String)])
    func problems(text: String, message: String) throws {
        try expectFault(.settings, message) { try Self.read(text) }
    }

    @Test("Without a file at the usual place the list prices hold; another one must be there")
    func missing() throws {
        if fault({ try File.open(PriceFile.defaultPath) })?.code == .notFound {
            #expect(try PriceFile.load(PriceFile.defaultPath) == .listPrices)
        }
        let fault = try expectFault(.settings, "/nowhere/prices.toml") { try PriceFile.load("/nowhere/prices.toml") }
        #expect(fault.hint != nil)
    }

    @Test("The settings name the file")
    func setting() throws {
        try Samples.withFolder(["coldchain.toml": "prices = \"/srv/prices.toml\"", "plain.toml": ""]) { path in
            let named = try Configuration.load(path + "/coldchain.toml", environment: [:])
            let plain = try Configuration.load(path + "/plain.toml", environment: [:])
            #expect(named.prices == "/srv/prices.toml")
            #expect(plain.prices == PriceFile.defaultPath)
        }
    }
}
