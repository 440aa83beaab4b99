import Glibc
import Platform

/// A listed object as bytes in memory or in a file: what is sorted by key.
///
/// The lengths of its four texts, size, time, and the texts: key, ETag, version, class. It lives as long as what it points
/// into.
struct ObjectRecord {
    let start: UnsafeRawPointer

    /// Bytes before the texts.
    static let header = 28
    private static let archived: UInt16 = 0x8000

    private func length(_ index: Int) -> Int {
        Int(start.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self) & ~Self.archived)
    }

    private func text(_ index: Int) -> UnsafeRawBufferPointer {
        var offset = Self.header
        for before in 0..<index { offset += length(before) }
        return UnsafeRawBufferPointer(start: start + offset, count: length(index))
    }

    var key: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start + Self.header, count: length(0)) }
    var etag: UnsafeRawBufferPointer { text(1) }
    var version: UnsafeRawBufferPointer { text(2) }
    var storageClass: UnsafeRawBufferPointer { text(3) }
    var isArchived: Bool { start.loadUnaligned(fromByteOffset: 6, as: UInt16.self) & Self.archived != 0 }
    var size: Int64 { start.loadUnaligned(fromByteOffset: 8, as: Int64.self) }
    var modified: Timestamp {
        Timestamp(
            seconds: start.loadUnaligned(fromByteOffset: 16, as: Int64.self),
            nanoseconds: start.loadUnaligned(fromByteOffset: 24, as: UInt32.self))
    }

    /// All bytes of the record.
    var length: Int { Self.header + length(0) + length(1) + length(2) + length(3) }

    /// Orders records by the bytes of their keys: less than 0, 0, or more.
    static func order(_ left: ObjectRecord, _ right: ObjectRecord) -> Int {
        let (one, other) = (left.length(0), right.length(0))
        let order = memcmp(left.start + header, right.start + header, min(one, other))
        return order == 0 ? one - other : Int(order)
    }

    /// The bytes that a record of an object takes.
    static func length(of object: ListedObject) -> Int {
        header + object.key.count + object.etag.count + object.version.count + object.storageClass.count
    }

    /// Writes an object to `target`, which has room for it.
    static func write(_ object: ListedObject, to target: UnsafeMutableRawPointer) {
        let texts = (object.key, object.etag, object.version, object.storageClass)
        target.storeBytes(of: UInt16(texts.0.count), toByteOffset: 0, as: UInt16.self)
        target.storeBytes(of: UInt16(texts.1.count), toByteOffset: 2, as: UInt16.self)
        target.storeBytes(of: UInt16(texts.2.count), toByteOffset: 4, as: UInt16.self)
        let mark = object.isArchived ? archived : 0
        target.storeBytes(of: UInt16(texts.3.count) | mark, toByteOffset: 6, as: UInt16.self)
        target.storeBytes(of: object.size, toByteOffset: 8, as: Int64.self)
        target.storeBytes(of: object.modified.seconds, toByteOffset: 16, as: Int64.self)
        target.storeBytes(of: object.modified.nanoseconds, toByteOffset: 24, as: UInt32.self)
        var place = target + header
        for text in [texts.0, texts.1, texts.2, texts.3] {
            if let base = text.baseAddress { place.copyMemory(from: base, byteCount: text.count) }
            place += text.count
        }
    }
}
