import Platform
import Warehouse

/// How many objects each table has at the source, without logs.
final class TableCounts {
    /// Bytes before the name of a table.
    private let prefix: Int
    /// By table; that of the whole database under an empty name.
    private(set) var counts: [String: Int] = [:]

    /// - Parameter prefix: how many bytes the keys of the database begin with.
    init(prefix: Int) { self.prefix = prefix }

    /// The first name below the database; nothing for an object of no table.
    func table(_ key: ByteString) -> String? {
        let rest = key.bytes.dropFirst(prefix)
        guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else { return nil }
        return Departure.name(ofObject: ByteString(rest[..<slash]))
    }

    func add(_ key: ByteString) {
        guard !DestinationKeys.isLog(key) else { return }
        counts["", default: 0] += 1
        if let table = table(key) { counts[table, default: 0] += 1 }
    }
}
