import Crypto
import Platform
import TestSupport
import Testing
import Warehouse

struct InventoryReportTests {
    private func read(_ text: String, checksum: String? = nil) throws -> InventoryReport {
        let bytes = Array(text.utf8)
        let digest = Insecure.MD5.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return try InventoryReport(bytes, checksum: Array((checksum ?? digest).utf8), name: "manifest.json")
    }

    @Test("The manifest of the S3 user guide is read")
    func guide() throws {
        let report = try read(PublishedInventory.manifest)
        #expect(report.sourceBucket == "example-source-bucket")
        #expect(report.createdAt.rfc3339 == "2018-01-03T02:00:00Z")
        #expect(report.schema.count == 20)
        #expect(report.schema.hasVersions)
        #expect(
            report.parts == [
                .init(
                    key:
                        "Inventory/example-source-bucket/2016-11-06T21-32Z/files/939c6d46-85a9-4ba8-87bd-9db705a579ce.csv.gz",
                    size: 2_147_483_647, md5: "f11166069f1990abeb9c97ace9cdfabc")
            ])
    }

    @Test("The checksum may have white space and capitals around it, and is compared")
    func checksum() throws {
        let bytes = Array(PublishedInventory.manifest.utf8)
        let digest = Insecure.MD5.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        _ = try read(PublishedInventory.manifest, checksum: " \(digest.uppercased())\n")
        try expectFault(.damaged, "manifest.checksum says 0123456789abcdef0123456789abcdef") {
            try read(PublishedInventory.manifest, checksum: "0123456789abcdef0123456789abcdef")
        }
        try expectFault(.damaged, "no MD5 digest") { try read(PublishedInventory.manifest, checksum: "") }
    }

    @Test("A manifest that is cut anywhere is none")
    func cut() throws {
        let text = PublishedInventory.manifest
        for length in stride(from: 0, to: text.utf8.count - 1, by: 37) {
            try expectFault(.damaged) { try read(String(text.prefix(length))) }
        }
    }

    @Test("A new column is accepted, and the order does not matter")
    func columns() throws {
        let report = try read(
            PublishedInventory.manifest.replacing("ObjectOwner", with: "ObjectOwner, LifecycleExpirationDate"))
        #expect(report.schema.count == 21)
        let schema = try InventorySchema("ETag,StorageClass, Key,Bucket, LastModifiedDate, Size, New")
        #expect(schema.count == 7)
        #expect(!schema.hasVersions)
    }

    @Test(
        "What a backup can't do without is asked for",
        arguments: [
            ("Size, ", "no column Size"), ("ETag, ", "no column ETag"), ("StorageClass, ", "no column StorageClass"),
            ("LastModifiedDate, ", "no column LastModifiedDate"),
        ])
    func missing(column: String, words: String) throws {
        let fault = try expectFault(.unsupported, words) {
            try read(PublishedInventory.manifest.replacing(column, with: ""))
        }
        #expect(fault.hint?.contains("optional fields") ?? false)
    }

    @Test("Some of the columns of versions are not enough")
    func versions() throws {
        try expectFault(.damaged, "not all three") {
            try read(PublishedInventory.manifest.replacing("IsLatest, ", with: ""))
        }
    }

    @Test("ORC and Parquet are recognised, and refused with advice", arguments: ["ORC", "Parquet"])
    func formats(format: String) throws {
        let text = PublishedInventory.manifest.replacing("\"CSV\"", with: "\"\(format)\"")
            .replacing("Bucket, Key, ", with: format == "ORC" ? PublishedInventory.orcSchema : "message s3.inventory { ")
        let fault = try expectFault(.unsupported, "is in \(format), not in CSV") { try read(text) }
        #expect(fault.hint?.contains("CSV") ?? false)
    }

    @Test(
        "Values that can't be are refused",
        arguments: [
            ("1514944800000", "soon", "creationTimestamp"), ("2147483647", "-1", "no key, size or MD5"),
            ("f11166069f1990abeb9c97ace9cdfabc", "f111", "no key, size or MD5"), ("\"files\"", "\"parts\"", "no 'files'"),
            ("2147483647", "\"2147483647\"", "of another type"),
        ])
    func values(old: String, new: String, words: String) throws {
        try expectFault(.damaged, words) { try read(PublishedInventory.manifest.replacing(old, with: new)) }
    }

    @Test("A file that is named twice is no second one")
    func twice() throws {
        let part = "{\"key\": \"a\", \"size\": 1, \"MD5checksum\": \"f11166069f1990abeb9c97ace9cdfabc\"}"
        try expectFault(.damaged, "names the file 'a' twice") {
            try read(PublishedInventory.manifest.replacing("\"files\": [", with: "\"files\": [\(part), \(part),"))
        }
    }
}
