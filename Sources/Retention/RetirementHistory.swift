import Codec
import Ledger
import Platform
import Staging
import Vault

/// What was retired in the vaults of a job by the audit log of its ledger; read when it is asked for first.
final class RetirementHistory: Sendable {
    let job: JobDirectory
    /// The runs of which it is asked for.
    private let runs: @Sendable () throws(Fault) -> Set<CivilDate>

    /// When what was told last of an object, in nanoseconds since 1970.
    private struct Told {
        var quarantined = Int64.min
        var retired = Int64.min
        /// Taken back, or to be.
        var back = Int64.min
        var gone = Int64.min

        /// Whether it was retired, and if it was to be taken back since, was gone by then.
        var isRetired: Bool { retired > quarantined && (back < retired || gone > back) }
    }

    private struct State {
        /// By vault and key.
        var told: [KeyDigest: Told] = [:]
        var runs: Set<CivilDate> = []
    }

    private let state = Monitor(State())

    /// - Parameters:
    ///   - job: the job.
    ///   - runs: tells the runs that have something on staging: of all others nothing is kept in memory.
    init(_ job: JobDirectory, runs: @escaping @Sendable () throws(Fault) -> Set<CivilDate>) {
        self.job = job
        self.runs = runs
    }

    private static func digest(_ key: String, _ vault: String) -> KeyDigest { KeyDigest("\(vault)\n\(key)") }

    /// Whether prune has let an object go, and nobody has taken it back.
    func wasRetired(_ key: ObjectKey, in vault: String, of run: CivilDate) throws(Fault) -> Bool {
        try state.with { (state: inout State) throws(Fault) -> Bool in
            if !state.runs.contains(run) {
                state.runs = try runs().union([run])
                try read(&state)
            }
            return state.told[Self.digest(key.description, vault)]?.isRetired ?? false
        }
    }

    private func read(_ state: inout State) throws(Fault) {
        let wanted = Set(state.runs.map { Array("\"run\":\"\($0)\"".utf8) })
        let layout = VaultLayout(job: job.name)
        var found: [KeyDigest: Told] = [:]
        try AuditLog(job, .ship).read(torn: { _, _ in }, where: { Self.names($0, wanted) }) { line, _ in
            guard let object = line.object, let vault = line.vault, !object.hasPrefix(layout.auditPrefix) else {
                return
            }
            // Files of several servers are read one after the other, and not in the order of time.
            let time = line.ordinal ?? (Timestamp(rfc3339: line.time)?.seconds ?? 0) * 1_000_000_000
            let digest = Self.digest(object, vault)
            var told = found[digest] ?? Told()
            switch line.action {
            case .quarantine: told.quarantined = max(told.quarantined, time)
            case .retire, .expire: told.retired = max(told.retired, time)
            case .release, .undo: told.back = max(told.back, time)
            case .gone: told.gone = max(told.gone, time)
            case .prune, .refuse, .approve, .hold, .endHold: return
            }
            found[digest] = told
        }
        state.told = found
    }

    /// Whether a line is of one of the runs, without taking it apart.
    private static func names(_ line: ArraySlice<UInt8>, _ wanted: Set<[UInt8]>) -> Bool {
        let field = Array("\"run\":\"".utf8)
        var rest = line
        while let quote = rest.firstIndex(of: UInt8(ascii: "\"")) {
            if rest[quote...].starts(with: field) {
                return wanted.contains(Array(rest[quote...].prefix(field.count + "2026-11-20\"".utf8.count)))
            }
            rest = rest[(quote + 1)...]
        }
        return false
    }
}
