import Ledger
package import Platform
package import Settings

/// What a check of the installation found: one item a thing, good or with the reason why not.
package struct CheckReport: Codable, Sendable {
    package struct Item: Codable, Sendable {
        package var what: String
        package var isGood: Bool
        package var why: String?
    }

    package private(set) var items: [Item] = []

    /// Looks at the clock, the state directory, staging, the vaults and the jobs; a pause is told, and is no fault.
    ///
    /// Nothing is made. Without a state directory it ends there, since the guards can't be checked.
    ///
    /// - Parameters:
    ///   - configuration: the settings, read and valid; all of its vaults are looked at.
    ///   - jobs: the jobs whose time zones and sources are looked at.
    ///   - clock: looked at itself, and tells which dates the jobs would collect.
    ///   - look: looks at the source of a host that is not mounted here; without it such sources are passed over.
    ///   - lookAtBucket: looks at a vault in a bucket; without it such vaults are passed over.
    ///   - looks: what else there is to look at for a job, each with what is worth telling though all is well.
    package init(
        _ configuration: Configuration, _ jobs: [JobSettings], clock: Clock = .system,
        look: ((HostSettings, CivilDate) throws(Fault) -> Void)? = nil,
        lookAtBucket: ((VaultSettings) throws(Fault) -> Void)? = nil,
        looks: (JobSettings) -> [(what: String, look: () throws(Fault) -> String?)] = { _ in [] }
    ) {
        items.append(Item(what: "settings \(configuration.path)", isGood: true))
        // A clock far off breaks dates now and request signatures later.
        add("clock \(clock.now().rfc3339)") { () throws(Fault) in
            guard clock.now().seconds > 1_750_000_000 else { throw Fault(.io, "is in the past") }
        }
        var state: Directory?
        add("state directory \(configuration.state)") { () throws(Fault) in
            do throws(Fault) { state = try Directory.open(configuration.state) } catch {
                throw error.code == .notFound
                    ? error.hinting("'collect init' makes it.") : error.namingOwner(of: configuration.state)
            }
            do throws(Fault) { try Self.checkWritable(configuration.state) } catch {
                throw error.namingOwner(of: configuration.state)
            }
        }
        guard let state else { return }
        var root: Directory?
        add("staging \(configuration.staging)") { () throws(Fault) in
            let staging = try StagingArea.root(configuration, state: state)
            root = staging
            try Self.checkWritable(configuration.staging)
            let free = ByteCount(bytes: try staging.fileSystem().free)
            guard free.bytes >= configuration.minFree.bytes else {
                throw Fault(.noSpace, "\(free) free, 'min_free' is \(configuration.minFree)")
            }
        }
        for vault in configuration.vaults.values.sorted(by: { $0.name < $1.name }) {
            if case .bucket = vault.kind, lookAtBucket == nil {
                items.append(
                    Item(
                        what: "vault \(vault.name) \(vault.url)", isGood: true, why: "not looked at; 'ship check' does")
                )
                continue
            }
            add("vault \(vault.name) \(vault.url)") { () throws(Fault) in
                switch vault.kind {
                case .directory(let path):
                    _ = try MountGuard(path, state: state).open()
                    try Self.checkWritable(path)
                case .bucket:
                    if let lookAtBucket { try lookAtBucket(vault) }
                }
            }
        }
        for channel in configuration.channels.values.sorted(by: { $0.name < $1.name }) {
            examine("channel \(channel.name)") { () throws(Fault) -> String? in
                if case .textfile(let directory) = channel.kind { try Self.checkWritable(directory) }
                return try channel.checkSecrets()
            }
        }
        for job in jobs {
            items.append(Item(what: "job \(job.name)", isGood: true))
            items += ServiceUnits(of: job)?.items(job, configuration) ?? []
            for stage in Stage.allCases { addPause(of: stage, job, root, state) }
            add("job \(job.name): time zone \(job.timezone)") { () throws(Fault) in try Clock.useTimeZone(job.timezone)
            }
            for (what, look) in looks(job) { examine("job \(job.name): \(what)", look) }
            let date = clock.today.adding(days: -job.daysBehind)
            for host in job.hosts {
                guard host.access == .mounted || look != nil else { continue }
                examine("job \(job.name): source of \(host.name) \(host.source(date))") {
                    () throws(Fault) -> String? in
                    if host.access == .mounted {
                        let names = try Directory.open(host.sourcePath(date)).names()
                        guard let ready = host.ready, !names.contains(ByteString(ready)) else { return nil }
                        return "is not ready yet, '\(ready)' is not there"
                    }
                    do throws(Fault) { try look?(host, date) } catch { throw error.without(host.name) }
                    return nil
                }
            }
        }
    }

    private mutating func addPause(of stage: Stage, _ job: JobSettings, _ root: Directory?, _ state: Directory) {
        let name = ByteString(job.name)
        var pause: JobDirectory.Pause?
        do {
            // A job that was never run has no directory, and a check makes none.
            guard let root, try root.exists(name) else { return }
            pause = try JobDirectory(name: job.name, directory: try root.directory(name), state: state).pause(stage)
        } catch {
            items.append(Item(what: "job \(job.name): pause of \(stage.rawValue)", isGood: false, why: "\(error)"))
        }
        if let pause {
            items.append(Item(what: "job \(job.name): \(stage.rawValue)", isGood: true, why: "is \(pause.text)"))
        }
    }

    private mutating func add(_ what: String, _ body: () throws(Fault) -> Void) {
        examine(what) { () throws(Fault) -> String? in
            try body()
            return nil
        }
    }

    /// Adds what `body` looks at, which gives what is worth telling though all is well.
    private mutating func examine(_ what: String, _ body: () throws(Fault) -> String?) {
        do throws(Fault) {
            items.append(Item(what: what, isGood: true, why: try body()))
        } catch {
            items.append(Item(what: what, isGood: false, why: "\(error)\(error.hint.map { ". \($0)" } ?? "")"))
        }
    }

    private static func checkWritable(_ path: String) throws(Fault) {
        _ = try Directory.open(path).unnamedFile()
    }
}
