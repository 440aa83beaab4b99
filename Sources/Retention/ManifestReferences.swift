import Codec
import Glibc
import Ledger
import Platform

/// The objects that a manifest names, each with the run that made it and the tenants whose entries it holds: rows as
/// ``ReferenceCache`` has them, packed, since a year of them is made when nothing is cached.
struct ManifestReferences {
    /// What one row of the manifest names: where its three fields lie, and where they end.
    private struct Place {
        var start: Int
        var run: Int
        var tenant: Int
        var end: Int
    }

    private var bytes: [UInt8] = []
    /// By object and tenant; rows that are the same in all of it are there once.
    private var places: [Place] = []

    /// Reads a manifest.
    ///
    /// - Throws: `damaged` for one that can't be read to its end.
    init(_ reader: ManifestReader) throws(Fault) {
        while let row = try reader.nextRawReference() {
            var place = Place(start: bytes.count, run: 0, tenant: 0, end: 0)
            bytes.append(contentsOf: row.object)
            place.run = bytes.count
            bytes.append(contentsOf: row.run)
            place.tenant = bytes.count
            bytes.append(contentsOf: row.tenant)
            place.end = bytes.count
            places.append(place)
        }
        bytes.withUnsafeBytes { all in
            places.sort {
                let order = Self.compare(all, $0.start..<$0.run, $1.start..<$1.run)
                return order == 0 ? Self.compare(all, $0.tenant..<$0.end, $1.tenant..<$1.end) < 0 : order < 0
            }
        }
    }

    private static func compare(_ all: UnsafeRawBufferPointer, _ one: Range<Int>, _ other: Range<Int>) -> Int {
        guard let base = all.baseAddress else { return 0 }
        let order = memcmp(base + one.lowerBound, base + other.lowerBound, min(one.count, other.count))
        return order == 0 ? one.count - other.count : Int(order)
    }

    /// Writes a row for each object, and one that ends them: without an object, with their number and the manifest's digest.
    func write(_ gzip: GzipWriter, of digest: Digest256) throws(Fault) {
        var row = RowWriter()
        var count: Int64 = 0
        var index = 0
        while index < places.count {
            bytes.withUnsafeBytes { all in index = Self.write(places, from: index, all, to: &row) }
            count += 1
            if row.bytes.count >= 1 << 16 { try gzip.write(&row) }
        }
        row.empty()
        row.field(count)
        row.field(digest)
        row.endRow()
        try gzip.write(&row)
        _ = try gzip.finish()
    }

    /// Writes the object at an index with all its tenants.
    ///
    /// - Returns: the index of the next object.
    private static func write(
        _ places: [Place], from index: Int, _ all: UnsafeRawBufferPointer, to row: inout RowWriter
    ) -> Int {
        let first = places[index]
        row.field(raw: UnsafeRawBufferPointer(rebasing: all[first.start..<first.run]))
        row.field(raw: UnsafeRawBufferPointer(rebasing: all[first.run..<first.tenant]))
        row.field(raw: UnsafeRawBufferPointer(rebasing: all[first.tenant..<first.end]))
        var (last, next) = (first, index + 1)
        while next < places.count, compare(all, first.start..<first.run, places[next].start..<places[next].run) == 0 {
            let place = places[next]
            if compare(all, last.tenant..<last.end, place.tenant..<place.end) != 0 {
                row.append(ascii: ",")
                row.append(raw: UnsafeRawBufferPointer(rebasing: all[place.tenant..<place.end]))
            }
            (last, next) = (place, next + 1)
        }
        row.endRow()
        return next
    }
}
