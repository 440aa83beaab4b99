import Codec
package import Ledger
package import Platform
package import Staging
package import Vault

/// The audit log of a job: lines of JSON, one file for each stage and server in the ledger, which only grow, and one object
/// for each batch in the vault, which nobody changes.
package struct AuditLog: Sendable {
    let job: JobDirectory
    private let stage: Stage

    package init(_ job: JobDirectory, _ stage: Stage) {
        self.job = job
        self.stage = stage
    }

    static let name = ByteString("_audit")
    static let newline = UInt8(ascii: "\n")

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
        // No name comes twice, so nobody else would replace what somebody left who was killed over one.
        try store.removeRemains(below: layout.auditPrefix)
    }

    private static func encode(_ lines: [AuditLine]) throws(Fault) -> [UInt8] {
        var bytes: [UInt8] = []
        for line in lines { bytes += try JSONFile.encodeLine(line) + [newline] }
        return bytes
    }
}
