import Hosts
import Ledger
import Platform
import Settings
import Staging

/// The tree of a host, and what is taken of it.
extension HostCollection {
    /// What all hosts together may have under way, in bytes.
    private static let window = 64 << 20

    func tree() throws(Fault) -> any SourceTree {
        // What tells of the tree is no part of it.
        let ignored = [host.ready, host.checksums].compactMap { $0.map { ByteString($0) } }
        switch host.access {
        case .mounted: return try LocalTree(host.sourcePath(date), ignoring: ignored)
        case .ssh(let ssh):
            var options = SFTPTree.Options()
            options.ssh = ssh
            options.streams = host.streams
            options.window = max(2 << 20, min(16 << 20, Self.window / job.hostsAtOnce))
            options.rate = rate
            options.ignored = ignored
            if let depth = job.limits.depth { options.limits.depth = depth }
            if let entries = job.limits.entries { options.limits.entries = entries }
            if let bytes = job.limits.bytes { options.limits.bytes = bytes.bytes }
            return try SFTPTree(host.name, host.sourcePath(date), options)
        }
    }

    /// - Throws: `tryLater` while the marker is not there.
    func checkReady(_ tree: any SourceTree) throws(Fault) {
        guard let ready = host.ready else { return }
        do { _ = try tree.look(at: ByteString(ready)) } catch {
            guard error.code == .notFound else { throw error }
            // A date that was mistyped must not look like a host that is slow; a mounted tree was opened before.
            if case .ssh(let ssh) = host.access, try !SFTPProbe(host.name, ssh).hasDirectory(host.sourcePath(date)) {
                throw Fault(
                    .tryLater, "\(tree.name): is not ready, the directory itself is not there",
                    hint: "Run it again later, or with --wait; look at --run and 'path' if it should be there."
                )
            }
            throw Fault(
                .tryLater, "\(tree.name): is not ready, '\(ready)' is not there",
                hint: "Run the same command again later, or with --wait.")
        }
    }

    /// Whether the host was read over SSH in a run, so that its times have whole seconds there; a source that is mounted has
    /// a path and no host before it.
    ///
    /// Where staging has that run no more, nobody knows, and times are compared exactly: more is taken then, never less.
    private func wasDistant(_ run: CivilDate) throws(Fault) -> Bool {
        guard let record = try context.directory.run(run)?.unitRecord(.collect, host.name) else { return false }
        return record.inputs["path"].map { !$0.hasPrefix("/") } ?? false
    }

    func collection(_ tree: any SourceTree, until end: Timestamp?) throws(Fault) -> TreeCollection {
        var placer = job.placer(host: host.name, date: date)
        var held: TreeCollection.Held?
        var isHeldCoarse = false
        var lost = LostObjects()
        if !job.isDated {
            let ledger = try context.directory.ledger()
            if let newest = try ledger.newest(unit: host.name, before: date) {
                let reader = try ManifestReader(
                    try ledger.open(run: newest.run, unit: host.name, number: newest.number))
                held = { () throws(Fault) -> Manifest.Row? in try reader.next() }
                isHeldCoarse = try wasDistant(newest.run)
                lost = try ledger.lost()
            }
        }
        let rules = IncrementalPlan.Rules(
            isAlwaysFull: job.isDated, carryNotBefore: job.fullEvery.map { date.adding(days: -$0.days) },
            wholeSeconds: isHeldCoarse, lost: lost.keys)
        var options = TreeCollection.Options()
        options.settle = host.settle
        options.end = end
        if let checksums = host.checksums { options.checksums = try SourceChecksums(ByteString(checksums), of: tree) }
        return TreeCollection(
            tree, held: held, rules: rules, run: date.description, clock: context.clock, options: options
        ) { (path: ByteString) throws(Fault) -> Placement in placer.place(path) }
    }
}
