import Codec
import FoundationEssentials
package import Platform
import Staging
package import Vault

extension AuditLog {
    /// Takes a line, and its bytes as they stand in the log.
    package typealias Each = (_ line: AuditLine, _ bytes: ArraySlice<UInt8>) throws(Fault) -> Void

    /// Calls `each` with the lines in the ledger, file by file; within a file in the order in which they were written.
    ///
    /// - Parameters:
    ///   - torn: called with the name of a file and the number of a line that is none.
    ///   - wanted: looks at the bytes of a line, so that not all have to be taken apart; nothing for all lines.
    ///   - each: may throw to end the reading.
    /// - Throws: what `each` throws; the system's fault.
    package func read(
        torn: (String, Int) -> Void, where wanted: ((ArraySlice<UInt8>) -> Bool)? = nil, _ each: Each
    ) throws(Fault) {
        let ledger = try job.ledgerDirectory()
        guard try ledger.exists(Self.name) else { return }
        let directory = try ledger.directory(Self.name)
        for name in try directory.names().sorted() where name.bytes.suffix(6).elementsEqual(".jsonl".utf8) {
            try Shutdown.check()
            let source = try FileSource(try directory.openFile(name))
            try Self.lines(source, torn: { torn(directory.path(of: name), $0) }, where: wanted, each)
        }
    }

    /// Calls `each` with the lines in a vault, batch by batch, in the order in which they were decided.
    package static func read(
        _ store: any ObjectStore, _ layout: VaultLayout, torn: (String, Int) -> Void, _ each: Each
    ) throws(Fault) {
        var keys: [ObjectKey] = []
        try store.list(prefix: layout.auditPrefix) { key, _ in keys.append(key) }
        func second(_ key: ObjectKey) -> Substring {
            key.description.dropFirst(layout.auditPrefix.count).prefix { $0 != "-" }
        }
        var rest = keys[...]
        while let first = rest.first {
            try Shutdown.check()
            let together = rest.prefix { second($0) == second(first) }
            rest = rest.dropFirst(together.count)
            var batches: [(key: ObjectKey, ordinal: Int64)] = []
            for key in together {
                // The keys have whole seconds; the lines tell more.
                batches.append((key, together.count == 1 ? 0 : try ordinal(try store.open(key))))
            }
            for batch in batches.sorted(by: { $0.ordinal < $1.ordinal }) {
                try lines(try store.open(batch.key), torn: { torn(batch.key.description, $0) }, each)
            }
        }
    }

    /// The most bytes of a first line.
    private static let longestFirst: Int64 = 1 << 20

    /// What the first line of a batch tells.
    private static func ordinal(_ source: any RangedSource) throws(Fault) -> Int64 {
        let buffer = Buffer(capacity: Int(max(1, min(source.size, longestFirst))))
        buffer.count = try source.read(into: buffer.bytes, at: 0)
        let line = buffer.contents.prefix { $0 != newline }
        return (try? JSONDecoder().decode(AuditLine.self, from: Data(line)))?.ordinal ?? 0
    }

    private static func lines(
        _ source: any RangedSource, torn: (Int) -> Void, where wanted: ((ArraySlice<UInt8>) -> Bool)? = nil,
        _ each: Each
    ) throws(Fault) {
        let decoder = JSONDecoder()
        var rest: [UInt8] = []
        var number = 0
        func take(_ line: ArraySlice<UInt8>) throws(Fault) {
            number += 1
            guard !line.isEmpty, wanted?(line) ?? true else { return }
            guard let decoded = try? decoder.decode(AuditLine.self, from: Data(line)) else { return torn(number) }
            try each(decoded, line)
        }
        try source.forEachPiece(length: source.size, using: Buffer(capacity: 1 << 18)) { piece throws(Fault) in
            rest += piece
            var start = 0
            while let end = rest[start...].firstIndex(of: newline) {
                try take(rest[start..<end])
                start = end + 1
            }
            rest.removeFirst(start)
        }
        try take(rest[...])
    }
}
