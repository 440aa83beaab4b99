import Platform
import Testing

@testable import Warehouse

struct DestinationKeysTests {
    private let run = CivilDate("2026-11-20")

    private func keys(prefix: ByteString = "v/") throws -> DestinationKeys {
        DestinationKeys(job: "lake", run: try #require(run), prefix: prefix)
    }

    @Test(arguments: [
        ("sales/orders/part-0.parquet", false, "lake/data/sales/orders/part-0.parquet"),
        ("sales/orders/part-0.parquet", true, "lake/run/2026-11-20/sales/orders/part-0.parquet"),
        ("sales/orders/_delta_log/0.json", false, "lake/run/2026-11-20/sales/orders/_delta_log/0.json"),
        ("_delta_log/0.json", false, "lake/run/2026-11-20/_delta_log/0.json"),
        ("my_delta_log/0.json", false, "lake/data/my_delta_log/0.json"),
        ("/a//b", false, "lake/data//a//b"), ("é\n+%2B", false, "lake/data/é\n+%2B"),
    ])
    func `content and logs have their places`(key: ByteString, wasHeld: Bool, object: ByteString) throws {
        #expect(try keys().object(for: key, wasHeld: wasHeld) == object)
    }

    @Test func `a key without room lies under its digest`() throws {
        let key = ByteString(String(repeating: "k", count: 1_024))
        let object = try keys().object(for: key, wasHeld: false)
        #expect(object.hasPrefix("lake/long/2026-11-20/"))
        #expect(object.count == "lake/long/2026-11-20/".utf8.count + 64)
        let longest = ByteString(String(repeating: "k", count: 1_024 - "v/lake/data/".utf8.count))
        #expect(try keys().object(for: longest, wasHeld: false) == "lake/data/" + longest)
        #expect(try keys().generation(2, of: "lake/data/" + longest).hasPrefix("lake/long/2026-11-20/"))
    }

    @Test func `other content gets another generation`() throws {
        #expect(try keys().generation(1, of: "lake/data/a") == "lake/data/a")
        #expect(try keys().generation(3, of: "lake/data/a") == "lake/data/a.g3")
    }

    @Test func `a snapshot keeps the keys, the longest too`() throws {
        let keys = DestinationKeys(snapshot: "acme-20-nov-2026")
        let key = ByteString(String(repeating: "k", count: 1_024))
        #expect(keys.object(for: key, wasHeld: true) == "s3://acme-20-nov-2026/" + key)
        #expect(keys.object(for: "t/_delta_log/0.json", wasHeld: false) == "s3://acme-20-nov-2026/t/_delta_log/0.json")
    }

    @Test func `a snapshot's bucket is named by its template`() throws {
        let run = try #require(CivilDate("2026-03-31"))
        let name = try SnapshotName.bucket(template: "{source}-{dd}-{mmm}-{yyyy}", source: "Acme-Lake", run: run)
        #expect(name == "acme-lake-31-mar-2026")
        for (template, word) in [
            ("{source}-{yyyy}", "no whole date"), ("{host}-{dd}-{mm}-{yyyy}", "unknown field"), ("{dd", "no '}'"),
            ("{source}_{dd}-{mm}-{yyyy}", "no name of a bucket"),
            ("\(String(repeating: "a", count: 60))-{dd}-{mm}-{yyyy}", "no name of a bucket"),
        ] {
            let fault = #expect(throws: Fault.self) {
                try SnapshotName.bucket(template: template, source: "acme", run: run)
            }
            #expect(fault?.message.contains(word) == true, "\(template): \(String(describing: fault))")
        }
    }
}
