package import AWS
package import Ledger
package import Platform

/// Compares rows of a manifest with what a bucket lists: both are in the order of keys, so they merge as streams.
///
/// A listing costs a request for a thousand objects, a HEAD one for each.
package struct ListedRows {
    /// What is listed at once.
    package enum Scope: Sendable {
        /// All that begins as all of the rows do.
        case common
        /// The log of each table for itself: what lies between them is far more.
        case logs
    }

    private let client: S3Client
    private let base: ByteString

    /// - Parameters:
    ///   - client: of the bucket.
    ///   - base: what its keys have in front of those of the rows.
    package init(_ client: S3Client, under base: ByteString) {
        self.client = client
        self.base = base
    }

    /// Goes through the rows.
    ///
    /// - Parameters:
    ///   - open: opens the manifest; it is read twice with ``Scope/common``.
    ///   - scope: what is listed at once.
    ///   - selects: whether a row is compared.
    ///   - other: told each row that is not, once.
    ///   - each: told each row that is, with what is listed under its key.
    /// - Throws: what the closures throw; the fault of the store.
    package func compare(
        _ open: () throws(Fault) -> ManifestReader, _ scope: Scope = .common,
        selecting selects: (Manifest.Row) -> Bool, other: (Manifest.Row) throws(Fault) -> Void = { _ in },
        _ each: (Manifest.Row, S3Client.ListedObject?) throws(Fault) -> Void
    ) throws(Fault) {
        var common: ByteString?
        if scope == .common {
            common = try commonPrefix(open, selects, other)
            if common == nil { return }
        }
        let reader = try open()
        func next() throws(Fault) -> Manifest.Row? {
            while let row = try reader.next() {
                if selects(row) { return row }
                if scope != .common { try other(row) }
            }
            return nil
        }
        var ahead = try next()
        while let first = ahead {
            try Shutdown.check()
            let prefix = common ?? Self.log(of: first.entry.key)
            try client.list(prefix: base + prefix) { listed throws(Fault) in
                while let row = ahead, base + row.entry.key < listed.key {
                    try each(row, nil)
                    ahead = try next()
                }
                guard let row = ahead, base + row.entry.key == listed.key else { return }
                try each(row, listed)
                ahead = try next()
            }
            while let row = ahead, row.entry.key.hasPrefix(prefix) {
                try each(row, nil)
                ahead = try next()
            }
        }
    }

    /// What the keys of all rows that are compared begin with; nothing without any.
    private func commonPrefix(
        _ open: () throws(Fault) -> ManifestReader, _ selects: (Manifest.Row) -> Bool,
        _ other: (Manifest.Row) throws(Fault) -> Void
    ) throws(Fault) -> ByteString? {
        let reader = try open()
        var common: [UInt8]?
        while let row = try reader.next() {
            guard selects(row) else {
                try other(row)
                continue
            }
            let key = row.entry.key.bytes
            guard let known = common else {
                common = key
                continue
            }
            let length = zip(known, key).prefix { $0 == $1 }.count
            if length < known.count { common = Array(known[..<length]) }
        }
        return common.map { ByteString(Self.whole($0)) }
    }

    /// Not within a character: a prefix is sent as text.
    private static func whole(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        var rest = bytes[...]
        while !rest.isEmpty, String(validating: rest, as: UTF8.self) == nil { rest = rest.dropLast() }
        return rest
    }

    private static let mark = Array("_delta_log/".utf8)

    /// The directory of the log that a key lies in; the key itself where it lies in none.
    private static func log(of key: ByteString) -> ByteString {
        guard DestinationKeys.isLog(key), let found = key.bytes.firstRange(of: mark) else { return key }
        return ByteString(key.bytes[..<found.upperBound])
    }
}
