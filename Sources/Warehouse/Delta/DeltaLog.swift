import Platform

/// The log of one Delta table, as far as a manifest holds it.
struct DeltaLog {
    /// An object of the log.
    struct Object {
        var key: ByteString
        var object: ByteString
        var size: Int64
    }

    /// The table's directory, with a slash at its end; empty for the bucket's own.
    let root: ByteString
    private(set) var commits: [Int64: Object] = [:]
    /// Checkpoints in JSON.
    private(set) var lists: [Int64: Object] = [:]
    private(set) var checksums: [Int64: Object] = [:]
    private(set) var hint: Object?
    /// Whole checkpoints in Parquet: those of one file, and those with all of their parts.
    private(set) var checkpoints: Set<Int64> = []
    private var parts: [Int64: [Int: Set<Int>]] = [:]

    init(root: ByteString) { self.root = root }

    /// Versions of which the log tells anything, in order.
    var versions: [Int64] { Set(commits.keys).union(lists.keys).union(checkpoints).sorted() }

    mutating func add(_ object: Object, _ name: DeltaLogName) {
        switch name {
        case .commit(let version): commits[version] = object
        case .checksum(let version): checksums[version] = object
        case .checkpoint(let version), .checkpointWithSidecars(let version, isJSON: false):
            checkpoints.insert(version)
        case .checkpointWithSidecars(let version, isJSON: true): lists[version] = object
        case .checkpointPart(let version, let part, let count):
            parts[version, default: [:]][count, default: []].insert(part)
            if parts[version]?[count]?.count == count { checkpoints.insert(version) }
        case .hint: hint = object
        case .other: break
        }
    }
}
