package import Codec

/// The small JSON that a unit writes last: done, from these inputs, giving these outputs.
package struct UnitRecord: Codable, Sendable, Equatable {
    /// A file or object that the unit made.
    package struct Output: Codable, Sendable, Equatable {
        /// The path below the run's directory, or the vault key.
        package var path: String
        package var size: Int64
        package var sha256: Digest256

        package init(path: String, size: Int64, sha256: Digest256) {
            self.path = path
            self.size = size
            self.sha256 = sha256
        }
    }

    /// What an archive holds of one host.
    package struct HostShare: Codable, Sendable, Equatable {
        package var host: String
        /// The smallest key, percent-escaped: where a merge over many archives has to open this one.
        package var firstKey: String
        package var entries: Int64

        package init(host: String, firstKey: String, entries: Int64) {
            self.host = host
            self.firstKey = firstKey
            self.entries = entries
        }
    }

    package var format = JSONFile.format
    package var job: String
    package var run: String
    package var stage: Stage
    package var unit: String
    package var attempt: String
    package var tool: String
    package var startedAt: String
    package var finishedAt: String
    /// What the unit was made from; a rerun with the same inputs has nothing to do.
    package var inputs: [String: String]
    package var outputs: [Output]
    /// Entries and bytes by word, for example `taken`, `carried`, `skipped.fifo`.
    package var counts: [String: Int64]
    /// Bytes read and made, as they add up to those of the stage.
    package var bytesIn: Int64?
    package var bytesOut: Int64?
    /// The unit is kept but something in it needs eyes: unreadable or dirty files.
    ///
    /// Exit status 3.
    package var warnings: [String] = []
    /// pack: the hosts in the archive.
    package var hosts: [HostShare]?
    package var tenant: String?
    /// collect: the bytes of each tenant, carried ones too.
    package var tenants: [String: Int64]?
    /// ship: the identity of the vault; the id of its guard for a directory.
    package var vault: String?
    /// ship: how the vault's copy was proved.
    package var evidence: String?
    /// ship, of a database: what the copies cost.
    package var cost: CostEstimate?

    package init(
        job: String, run: String, stage: Stage, unit: String, attempt: String, tool: String, startedAt: String,
        finishedAt: String, inputs: [String: String], outputs: [Output], counts: [String: Int64]
    ) {
        self.job = job
        self.run = run
        self.stage = stage
        self.unit = unit
        self.attempt = attempt
        self.tool = tool
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.inputs = inputs
        self.outputs = outputs
        self.counts = counts
    }
}
