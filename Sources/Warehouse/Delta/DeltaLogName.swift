import Platform

/// What the name of a log object says (Delta transaction log protocol, file types).
enum DeltaLogName: Equatable {
    /// `N.json`.
    case commit(Int64)
    /// `N.crc`: sums of a version, which may list its files.
    case checksum(Int64)
    /// `N.checkpoint.parquet`.
    case checkpoint(Int64)
    /// `N.checkpoint.PART.PARTS.parquet`.
    case checkpointPart(Int64, part: Int, of: Int)
    /// `N.checkpoint.UUID.json` or `.parquet`.
    case checkpointWithSidecars(Int64, isJSON: Bool)
    /// `_last_checkpoint`.
    case hint
    /// Compacted logs, sidecars: nothing that a reader looks for by its name.
    case other

    private static let mark = Array("_delta_log/".utf8)

    /// Takes a key apart.
    ///
    /// - Returns: the table's root, with a slash at its end or empty, and what the name says; nothing for a key that is
    ///   not one of a log.
    static func parse(_ key: ByteString) -> (root: ByteString, name: DeltaLogName)? {
        guard DestinationKeys.isLog(key) else { return nil }
        var start: Int?
        if key.bytes.starts(with: mark) {
            start = 0
        } else if let found = key.bytes.firstRange(of: [UInt8(ascii: "/")] + mark) {
            start = found.lowerBound + 1
        }
        guard let start else { return nil }
        let name = String(decoding: key.bytes[(start + mark.count)...], as: UTF8.self)
        return (ByteString(key.bytes[..<start]), parse(name))
    }

    private static func parse(_ name: String) -> DeltaLogName {
        if name == "_last_checkpoint" { return .hint }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard let first = parts.first, first.utf8.count == 20,
            first.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let version = Int64(first), version < Int64.max
        else { return .other }
        switch parts.count {
        case 2 where parts[1] == "json": return .commit(version)
        case 2 where parts[1] == "crc": return .checksum(version)
        case 3 where parts[1] == "checkpoint" && parts[2] == "parquet": return .checkpoint(version)
        case 4 where parts[1] == "checkpoint" && (parts[3] == "json" || parts[3] == "parquet"):
            return .checkpointWithSidecars(version, isJSON: parts[3] == "json")
        case 5 where parts[1] == "checkpoint" && parts[4] == "parquet":
            guard let part = Int(parts[2]), let all = Int(parts[3]), all > 0, (1...all).contains(part) else {
                return .other
            }
            return .checkpointPart(version, part: part, of: all)
        default: return .other
        }
    }
}
