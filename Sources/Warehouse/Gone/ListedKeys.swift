import Codec
import Glibc
package import Platform

/// The keys that an inventory lists of a database, asked for in their order.
package final class ListedKeys {
    private let scanner: TableScanner?
    private var hasRow = false
    private var last: [UInt8] = []
    private let onKey: (ByteString) -> Void

    /// - Parameters:
    ///   - list: the entry list; nothing for an inventory that has nothing of the database.
    ///   - onKey: told every key, in order.
    /// - Throws: `damaged` for a table that is none.
    package init(_ list: (any RangedSource)?, onKey: @escaping (ByteString) -> Void = { _ in }) throws(Fault) {
        self.onKey = onKey
        guard let list else {
            scanner = nil
            return
        }
        scanner = try TableScanner(gzip: list, columns: ["key"], required: ["key"])
        try advance()
    }

    private func advance() throws(Fault) {
        guard let scanner else { return }
        hasRow = try scanner.next()
        guard hasRow else { return }
        let before = last
        last = try scanner.unescaped(0) { Array($0) }
        guard before.isEmpty || ByteString(bytes: before) < ByteString(bytes: last) else {
            throw scanner.fault("is not in the order of its keys")
        }
        onKey(ByteString(bytes: last))
    }

    /// Whether a key is listed; each call asks for the key of the call before, or a later one.
    package func contains(_ key: ByteString) throws(Fault) -> Bool {
        while hasRow, ByteString(bytes: last) < key { try advance() }
        return hasRow && last == key.bytes
    }

    /// Reads to the end: what is cut off is found out, and all keys are told.
    package func finish() throws(Fault) { while hasRow { try advance() } }
}
