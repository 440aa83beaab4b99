import Console
import Ledger
import Platform

/// What a command line selects of a job's manifests: a host, a tenant, paths, and whether each of them was found.
final class EntrySelection {
    private struct Pattern {
        let text: String
        let glob: Glob
        var hasMatched = false

        init(_ text: String) {
            self.text = text
            glob = Glob(text)
        }

        mutating func matches(_ name: String) -> Bool {
            guard glob.matches(name) else { return false }
            hasMatched = true
            return true
        }
    }

    private let job: String
    private var host: Pattern?
    private var tenant: Pattern?
    private let paths: PathSelection

    init(job: String, host: String?, tenant: String?, paths: [String] = []) {
        self.job = job
        self.host = host.map { Pattern($0) }
        self.tenant = tenant.map { Pattern($0) }
        self.paths = PathSelection(paths)
    }

    func selects(host name: String) -> Bool { host?.matches(name) ?? true }

    /// Whether an entry of a selected host is selected, too.
    func selects(_ row: Manifest.Row) -> Bool {
        (tenant?.matches(row.tenant) ?? true) && paths.matches(row.nameOrKey)
    }

    /// Whether entries of a tenant may be selected; nothing where those of all are.
    var mayBeOfTenant: ((String) -> Bool)? { (tenant?.glob).map { glob in { glob.matches($0) } } }

    /// Whether a path is selected, whatever it is one of.
    func selects(path: ByteString) -> Bool { paths.matches(path) }

    /// - Throws: `notFound`, naming the first of the options and paths that nothing matched.
    func checkAllMatched(in place: String, run: String? = nil) throws(Fault) {
        for (what, pattern) in [("host", host), ("entry of a tenant", tenant)] {
            guard let pattern, !pattern.hasMatched else { continue }
            throw Fault(
                .notFound, "\(place): has no \(what) '\(pattern.text)'",
                hint: "'ship list \(job) --runs' shows the runs and their hosts, 'ship list \(job) --json' the tenants."
            )
        }
        try paths.checkAllMatched(in: place, list: "ship list \(job)" + (run.map { " --run \($0)" } ?? ""))
    }
}

extension Manifest.Row {
    /// The name in the archive; where the entry was not kept, that on the host.
    var nameOrKey: ByteString { name.isEmpty ? entry.key : name }
}
