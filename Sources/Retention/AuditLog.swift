import Codec
import FoundationEssentials
package import Ledger
package import Platform
package import Staging
package import Vault

/// The audit log of a job: lines of JSON, one file for each stage and server in the ledger, which only grow, and one object
/// for each batch in the vault, which nobody changes.
package struct AuditLog: Sendable {
    private let job: JobDirectory
    private let stage: Stage

    package init(_ job: JobDirectory, _ stage: Stage) {
        self.job = job
        self.stage = stage
    }

    private static let name = ByteString("_audit")
    private static let newline = UInt8(ascii: "\n")

    /// Appends lines and brings them to stable storage.
    package func append(_ lines: [AuditLine]) throws(Fault) {
        guard !lines.isEmpty else { return }
        let directory = try job.ledgerDirectory().descendCreating([Self.name])
        let name = ByteString("\(stage.rawValue).\(PathEscape.escape(ByteString(ProcessIdentity.host))).jsonl")
        let isNew = try !directory.exists(name)
        let file = try directory.appendFile(name)
        let size = try file.status().size
        var bytes = try Self.encode(lines)
        if size > 0 {
            var last = [UInt8](repeating: 0, count: 1)
            var failure: Fault?
            last.withUnsafeMutableBytes { buffer in
                do { _ = try file.read(into: buffer, at: size - 1) } catch { failure = .wrapping(error) }
            }
            if let failure { throw failure }
            // A crash has cut the last line; it must not swallow the next one.
            if last[0] != Self.newline { bytes.insert(Self.newline, at: 0) }
        }
        try file.write(bytes)
        try file.sync()
        try file.close()
        if isNew { try directory.sync() }
    }

    /// Puts the lines of a batch into a vault, before anything of it is done.
    package static func put(
        _ lines: [AuditLine], batch: String, at moment: Timestamp, _ layout: VaultLayout, _ store: any ObjectStore
    ) throws(Fault) {
        guard !lines.isEmpty else { return }
        let bytes = try encode(lines)
        let key = try layout.audit(batch, at: moment)
        _ = try store.put(
            BytesSource(bytes, name: key.description),
            expecting: ExpectedContent(size: Int64(bytes.count), sha256: SHA256Hasher.digest(of: bytes)), to: key,
            PutOptions(.sidecar, contentType: "application/jsonl"))
    }

    private static func encode(_ lines: [AuditLine]) throws(Fault) -> [UInt8] {
        var bytes: [UInt8] = []
        for line in lines { bytes += try JSONFile.encodeLine(line) + [newline] }
        return bytes
    }

    // MARK: Reading

    /// Calls `each` with the lines in the ledger, file by file; within a file in the order in which they were written.
    ///
    /// - Parameters:
    ///   - torn: called with the name of a file and the number of a line that is none.
    ///   - each: may throw to end the reading.
    /// - Throws: what `each` throws; the system's fault.
    package func read(torn: (String, Int) -> Void, _ each: (AuditLine) throws(Fault) -> Void) throws(Fault) {
        let ledger = try job.ledgerDirectory()
        guard try ledger.exists(Self.name) else { return }
        let directory = try ledger.directory(Self.name)
        for name in try directory.names().sorted() where name.bytes.suffix(6).elementsEqual(".jsonl".utf8) {
            let source = try FileSource(try directory.openFile(name))
            try Self.lines(source, torn: { torn(directory.path(of: name), $0) }, each)
        }
    }

    /// Calls `each` with the lines in a vault, batch by batch, in the order in which they were decided.
    package static func read(
        _ store: any ObjectStore, _ layout: VaultLayout, torn: (String, Int) -> Void,
        _ each: (AuditLine) throws(Fault) -> Void
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
            if together.count == 1 {
                try lines(try store.open(first), torn: { torn(first.description, $0) }, each)
                continue
            }
            // The keys have whole seconds; the lines tell more.
            var batches: [(ordinal: Int64, lines: [AuditLine])] = []
            for key in together {
                var batch: [AuditLine] = []
                try lines(try store.open(key), torn: { torn(key.description, $0) }) { batch.append($0) }
                batches.append((batch.first?.ordinal ?? 0, batch))
            }
            for batch in batches.sorted(by: { $0.ordinal < $1.ordinal }) {
                for line in batch.lines { try each(line) }
            }
        }
    }

    private static func lines(
        _ source: any RangedSource, torn: (Int) -> Void, _ each: (AuditLine) throws(Fault) -> Void
    ) throws(Fault) {
        let decoder = JSONDecoder()
        var rest: [UInt8] = []
        var number = 0
        func take(_ line: some Collection<UInt8>) throws(Fault) {
            number += 1
            guard !line.isEmpty else { return }
            guard let decoded = try? decoder.decode(AuditLine.self, from: Data(line)) else { return torn(number) }
            try each(decoded)
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
        try take(rest)
    }
}
