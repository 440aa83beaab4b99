import FoundationEssentials
import Platform
import TestSupport

/// What the records on staging say is done, held against what is there.
///
/// It is asked right after a program was killed: a record may be missing then, but never be wrong.
struct Claims {
    private struct Record: Decodable {
        struct Output: Decodable {
            var path: String
            var size: Int64
            var sha256: String
        }
        var outputs: [Output]
    }

    private struct StageRecord: Decodable {
        var state: String
        var units: Int
    }

    /// Lines that `sha256sum -c` reads.
    private var digests: [String] = []
    private var lines: [String] = []
    private let pipeline: Pipeline
    private let paths: [String]

    /// Gives one line for each claim that does not hold.
    static func broken(_ pipeline: Pipeline) async throws -> [String] {
        var claims = Claims(pipeline: pipeline, paths: try await pipeline.paths())
        try await claims.look()
        return claims.lines
    }

    private init(pipeline: Pipeline, paths: [String]) {
        self.pipeline = pipeline
        self.paths = paths
    }

    private mutating func look() async throws {
        let run = "staging/\(pipeline.job.name)/\(Pipeline.run)/"
        for path in paths where !path.hasSuffix("/") {
            let name = Pipeline.split(path).name
            if name.hasPrefix(".") { continue }
            if path.hasSuffix(".json") { try look(path, run) }
            if path.hasPrefix(run + "records/collect/") { try await lookAtStaged(path, run) }
        }
        // Whatever has a final name is whole, recorded or not.
        let zipped = paths.filter { $0.hasSuffix(".gz") && !Pipeline.split($0).name.hasPrefix(".") }
            .map { pipeline.root + "/" + $0 }
            .filter { !$0.contains("/collect/web") || $0.hasSuffix(".entries.tsv.gz") }
        if !zipped.isEmpty { lines += Self.complaints(try await TestSupport.run(["gzip", "-t"] + zipped)) }
        for path in paths where path.hasSuffix(".sha256") && !Pipeline.split(path).name.hasPrefix(".") {
            try lookAtDigests(path)
        }
        if digests.isEmpty { return }
        let input = Array((digests.joined(separator: "\n") + "\n").utf8)
        lines += Self.complaints(
            try await TestSupport.run(["sha256sum", "-c", "--quiet", "--strict", "-"], stdin: input))
    }

    private static func complaints(_ result: RunResult) -> [String] {
        result.status == 0 ? [] : [result.description]
    }

    private mutating func look(_ path: String, _ run: String) throws {
        let bytes = try pipeline.read(pipeline.root + "/" + path)
        guard path.contains("/records/") else {
            guard !path.hasSuffix("/run.json") else { return }
            return try lookAtStage(path, bytes, run)
        }
        let record = try JSONDecoder().decode(Record.self, from: Data(bytes))
        let isShipped = path.contains("/records/ship/")
        for output in record.outputs {
            let place = isShipped ? pipeline.vault + "/" : pipeline.root + "/" + run
            digests.append("\(output.sha256)  \(place)\(output.path)")
            let (directory, name) = Pipeline.split(place + output.path)
            let size = try? Directory.open(directory).status(ByteString(name)).size
            if size != output.size { lines.append("\(path): \(output.path) has \(size.map { "\($0)" } ?? "no") bytes") }
        }
    }

    /// A stage that is done has a record for each unit.
    private mutating func lookAtStage(_ path: String, _ bytes: [UInt8], _ run: String) throws {
        let record = try JSONDecoder().decode(StageRecord.self, from: Data(bytes))
        guard record.state == "done" else { return }
        let stage = Pipeline.split(path).name.dropLast(".json".count)
        let count = paths.count { $0.hasPrefix("\(run)records/\(stage)/") && $0.hasSuffix(".json") }
        if count == 0 || record.units != count {
            lines.append("\(path): \(record.units) units are done with \(count) records")
        }
    }

    /// A digest file comes before or behind what it names; what it names is right where it is.
    private mutating func lookAtDigests(_ path: String) throws {
        let text = String(decoding: try pipeline.read(pipeline.root + "/" + path), as: UTF8.self)
        let directory = Pipeline.split(path).directory
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ")
            guard parts.count == 2, paths.contains("\(directory)/\(parts[1])") else { continue }
            digests.append("\(parts[0])  \(pipeline.root)/\(directory)/\(parts[1])")
        }
    }

    /// All content that a collect record's list takes is on staging.
    private mutating func lookAtStaged(_ path: String, _ run: String) async throws {
        let host = Pipeline.split(path).name.dropLast(".json".count)
        let top = "\(pipeline.root)/\(run)collect/\(host)"
        for row in try await StockRestore.table(top + ".entries.tsv.gz") {
            guard row["action"] == "take", row["type"] == "f", let key = row["key"], let digest = row["sha256"] else {
                continue
            }
            digests.append("\(digest)  \(top)/\(key)")
        }
    }
}
