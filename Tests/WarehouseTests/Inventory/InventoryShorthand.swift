import Codec
import Crypto
import Ledger
import Platform
import Settings
import TestSupport
import Warehouse

/// What the tests of inventories share.
enum Inventories {
    static let schema = "Bucket, Key, Size, LastModifiedDate, ETag, StorageClass"

    static func md5(_ bytes: [UInt8]) -> String {
        Insecure.MD5.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// A row of ``schema``; the key is encoded already.
    static func row(
        _ key: String, size: Int = 1, etag: String = "d41d8cd98f00b204e9800998ecf8427e", storageClass: String = "STANDARD",
        modified: String = "2026-03-31T23:59:59.000Z"
    ) -> String {
        "\"lake\",\"\(key)\",\"\(size)\",\"\(modified)\",\"\(etag)\",\"\(storageClass)\"\n"
    }

    static func report(
        _ parts: [InventoryReport.Part], schema: String = schema, bucket: String = "lake"
    ) throws -> InventoryReport {
        let files = parts.map { "{\"key\":\"\($0.key)\",\"size\":\($0.size),\"MD5checksum\":\"\($0.md5)\"}" }
        let text = """
            {"sourceBucket":"\(bucket)","destinationBucket":"arn:aws:s3:::inv","version":"2016-11-30",\
            "creationTimestamp":"1775088000000","fileFormat":"CSV","fileSchema":"\(schema)",\
            "files":[\(files.joined(separator: ","))]}
            """
        let bytes = Array(text.utf8)
        return try InventoryReport(bytes, checksum: Array(md5(bytes).utf8), name: "manifest.json")
    }

    /// The files of an inventory in memory.
    static func files(
        _ texts: [[UInt8]], schema: String = schema, bucket: String = "lake", damaging: ([UInt8]) -> [UInt8] = { $0 }
    ) throws -> [InventoryObjects.File] {
        let packed = texts.map { damaging($0) }
        let parts = texts.enumerated().map {
            InventoryReport.Part(
                key: ByteString("data/\($0.offset).csv.gz"), size: Int64($0.element.count), md5: md5($0.element))
        }
        let report = try report(parts, schema: schema, bucket: bucket)
        return zip(parts, packed).map { part, bytes in
            InventoryObjects.File(part, of: report) { () throws(Fault) in
                BytesSource(bytes, name: part.key.description)
            }
        }
    }

    static let settings = WarehouseSettings(
        source: BucketSettings(bucket: "lake", prefix: ""), inventories: [.init(bucket: "inv", prefix: "lake/daily")],
        prefix: prefix)

    private static let prefix: DatabasePrefix = {
        do { return try DatabasePrefix("{database}/") } catch { preconditionFailure("\(error)") }
    }()

    /// The entry list of a database.
    static func entries(_ unit: String, _ path: String) throws -> [EntryList.Row] {
        let file = try Directory.open(path).openFile(ByteString(DatabaseLists.fileName(unit: unit)))
        let reader = try EntryListReader(try FileSource(file))
        var rows: [EntryList.Row] = []
        while let row = try reader.next() { rows.append(row) }
        return rows
    }
}
