import Glibc
import Platform

/// An object as an inventory lists it; its fields are valid until the next row.
struct ListedObject {
    var key: UnsafeRawBufferPointer
    var size: Int64
    var modified: Timestamp
    var etag: UnsafeRawBufferPointer
    /// Empty where the bucket keeps no versions, and for an object that is older than they are.
    var version: UnsafeRawBufferPointer
    var storageClass: UnsafeRawBufferPointer
    /// Whether it lies in a tier of class INTELLIGENT_TIERING from which it must be restored first.
    var isArchived: Bool
}

/// The rows of one file of an inventory, checked field by field: no inventory is trusted.
struct InventoryRows {
    private let scanner: CSVScanner
    private let schema: InventorySchema
    private let bucket: [UInt8]
    /// Rows so far, of versions that are not the latest and of delete markers too.
    private(set) var count: Int64 = 0
    /// Those among them that list no object that is there now.
    private(set) var passedOver: Int64 = 0

    init(_ stream: any ByteStream, _ schema: InventorySchema, bucket: String) {
        scanner = CSVScanner(stream)
        self.schema = schema
        self.bucket = Array(bucket.utf8)
    }

    /// The next object that is there now, or nothing at the end.
    ///
    /// - Throws: what the file's data throws; `damaged` for a row that is not of the schema's shape.
    mutating func next() throws(Fault) -> ListedObject? {
        while try scanner.next() {
            count += 1
            guard scanner.count == schema.count else {
                throw scanner.fault("has \(scanner.count) fields, and the schema \(schema.count)")
            }
            if let object = try object() { return object }
            passedOver += 1
        }
        return nil
    }

    private func object() throws(Fault) -> ListedObject? {
        guard scanner[schema.bucket].elementsEqual(bucket) else {
            throw scanner.fault("is of bucket '\(ByteString(scanner[schema.bucket]))'")
        }
        if let latest = schema.isLatest, let marker = schema.isDeleteMarker {
            let isLatest = try flag(latest)
            if try flag(marker) || !isLatest { return nil }
        }
        let encoded = scanner[schema.key]
        guard let length = FormEncoding.decode(encoded), length > 0, length <= 1_024 else {
            throw scanner.fault("has no key, one of more than 1024 bytes, or one with a broken escape")
        }
        guard let size = number(scanner[schema.size]) else { throw scanner.fault("has no size") }
        guard let modified = ListedTime.parse(scanner[schema.modified]) else { throw scanner.fault("has no time") }
        let etag = UnsafeRawBufferPointer(scanner[schema.etag])
        guard Self.isToken(etag), !etag.isEmpty else { throw scanner.fault("has no ETag, or one of unusual letters") }
        var version = UnsafeRawBufferPointer(start: nil, count: 0)
        if let column = schema.version {
            version = UnsafeRawBufferPointer(scanner[column])
            guard Self.isToken(version) else { throw scanner.fault("has a version of unusual letters") }
        }
        let storageClass = UnsafeRawBufferPointer(scanner[schema.storageClass])
        guard Self.isToken(storageClass), !storageClass.isEmpty else {
            throw scanner.fault("has no storage class, or one of unusual letters")
        }
        let tier = schema.accessTier.map { UnsafeRawBufferPointer(scanner[$0]) }
        return ListedObject(
            key: UnsafeRawBufferPointer(rebasing: encoded[..<length]), size: size, modified: modified, etag: etag,
            version: version, storageClass: storageClass, isArchived: tier.map(Self.isArchive) ?? false)
    }

    private func flag(_ column: Int) throws(Fault) -> Bool {
        let field = scanner[column]
        if field.elementsEqual("true".utf8) { return true }
        guard field.elementsEqual("false".utf8) else { throw scanner.fault("has neither true nor false in a column of versions") }
        return false
    }

    /// The tiers ARCHIVE and DEEP_ARCHIVE, unlike ARCHIVE_INSTANT_ACCESS, are read after a restore only.
    private static func isArchive(_ tier: UnsafeRawBufferPointer) -> Bool {
        tier.elementsEqual("ARCHIVE".utf8) || tier.elementsEqual("DEEP_ARCHIVE".utf8)
            || tier.elementsEqual("ARCHIVE_ACCESS".utf8) || tier.elementsEqual("DEEP_ARCHIVE_ACCESS".utf8)
    }

    /// Letters, digits, `-`, `_` and `.`, which ETags, versions and classes have and no file of ours escapes.
    private static func isToken(_ field: UnsafeRawBufferPointer) -> Bool {
        field.count <= 1_024
            && field.allSatisfy {
                switch $0 {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
                default: false
                }
            }
    }

    private func number(_ field: UnsafeMutableRawBufferPointer) -> Int64? {
        guard !field.isEmpty, field.count <= 18 else { return nil }
        var value: Int64 = 0
        for byte in field {
            guard byte &- 0x30 <= 9 else { return nil }
            value = value * 10 + Int64(byte &- 0x30)
        }
        return value
    }
}
