import Codec
import Ledger
import Logging
import Platform
import Retention
import Settings
import Staging
import TestSupport
import Vault

/// A job that is collected, packed and shipped without programs: real lists, records, manifests and ledger; an archive is
/// just the bytes of its files, one behind the other.
final class SmallJob {
    struct File: Equatable {
        var bytes: [UInt8]
        var modified: Timestamp
    }
    /// By key; the first component is the tenant.
    typealias Tree = [String: File]

    /// Collected, and not handed on yet.
    struct Plan {
        var date: CivilDate
        var host: String
        var rows: [EntryList.Row]
        var content: [String: [UInt8]]
        var lock: StageLock
    }

    let directory: JobDirectory
    let vaults: [OpenVault]
    let stores: [TimedStore]
    let state: Directory
    let cache: ReferenceCache
    let clock: Clock
    private let time: Monitor<Timestamp>
    private let layout = VaultLayout(job: "siem")
    let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init(_ top: String, vaults count: Int) throws {
        let time = Monitor(Timestamp(seconds: 1_893_456_000))  // 2030-01-01: objects are as old as their files
        self.time = time
        clock = Clock { time.with { $0 } }
        state = try Directory.create(top + "/state")
        directory = JobDirectory(
            name: "siem", directory: try Directory.create(top + "/staging/siem"), state: state)
        var stores: [TimedStore] = []
        for number in 0..<count { stores.append(try TimedStore(top + "/vault\(number)", clock: clock)) }
        self.stores = stores
        vaults = stores.enumerated().map {
            OpenVault(name: "v\($0.offset)", store: $0.element, identity: "id\($0.offset)")
        }
        cache = try ReferenceCache(state, job: "siem")
    }

    func pass(days: Int) { time.with { $0 = $0.adding(days: days) } }
    var today: CivilDate { CivilDate(dayNumber: Int(clock.now().seconds / 86_400)) }

    private func record(_ stage: Stage, _ unit: String, _ date: CivilDate) -> UnitRecord {
        UnitRecord(
            job: "siem", run: date.description, stage: stage, unit: unit, attempt: "one", tool: "test",
            startedAt: clock.now().rfc3339, finishedAt: clock.now().rfc3339, inputs: [:], outputs: [], counts: [:])
    }

    // MARK: The stages

    /// Decides what a host's run takes and carries; the lock of the run is held until it is handed on.
    ///
    /// Nothing is carried from archives that are lost.
    func plan(_ host: String, _ date: CivilDate, _ tree: Tree, lost: Set<String> = []) throws -> Plan {
        let run = try directory.makeRun(date)
        let lock = try StageAttempt.lock(.collect, of: run)
        var entries = tree.sorted { ByteString($0.key) < ByteString($1.key) }.map { key, file in
            Entry(
                key: ByteString(key), kind: .file, size: Int64(file.bytes.count), modified: file.modified, mode: 0o644,
                uid: 0, gid: 0)
        }[...]
        let ledger = try directory.ledger()
        var held: ManifestReader?
        if let newest = try ledger.newest(unit: host, before: date) {
            held = try ManifestReader(try ledger.open(run: newest.run, unit: host, number: newest.number))
        }
        var join = IncrementalPlan(
            inventory: { () throws(Fault) in entries.popFirst() }, held: { () throws(Fault) in try held?.next() },
            rules: .init(isAlwaysFull: false, lost: lost))
        var plan = Plan(date: date, host: host, rows: [], content: [:], lock: lock)
        while let (entry, decision) = try join.next() {
            let key = entry.key.description
            switch decision {
            case .take:
                var row = Manifest.Row(entry: entry, tenant: Self.tenant(key))
                let bytes = tree[key]?.bytes ?? []
                row.sha256 = SHA256Hasher.digest(of: bytes)
                plan.rows.append(EntryList.Row(.take, row))
                plan.content[key] = bytes
            case .carry(let row): plan.rows.append(EntryList.Row(.carry, row))
            case .vanished: break
            }
        }
        return plan
    }

    static func tenant(_ key: String) -> String { key.split(separator: "/").first.map(String.init) ?? "" }

    /// Puts content, list and record on staging.
    func handOn(_ plan: Plan) throws {
        let run = try directory.makeRun(plan.date)
        let place = try run.collectDirectory()
        try run.removeRecord(.collect, plan.host)
        try place.removeTree(ByteString(plan.host))
        let content = try place.descendCreating([ByteString(plan.host)])
        for (key, bytes) in plan.content {
            let names = ByteString(key).components
            try PendingFile.write(
                bytes, to: names[names.count - 1], in: try content.descendCreating(Array(names.dropLast())))
        }
        let name = "\(plan.host).entries.tsv.gz"
        let pending = try PendingFile(ByteString(name), in: place)
        let writer = try EntryListWriter(pending.file, level: 1)
        for row in plan.rows { try writer.write(row) }
        let digest = try writer.finish()
        try pending.commit()
        var record = record(.collect, plan.host, plan.date)
        record.outputs = [.init(path: "collect/\(name)", size: 0, sha256: digest)]
        record.counts = ["taken": Int64(plan.content.count)]
        try run.write(record)
        withExtendedLifetime(plan.lock) {}
    }

    /// One archive for each tenant of a host.
    func pack(_ date: CivilDate) throws {
        guard let run = try directory.run(date) else { return }
        let mark = try run.pruneMark()
        for host in try run.unitRecords(.collect) where mark.time(of: host) == nil {
            guard let list = host.outputs.first else { continue }
            let content = try run.collectDirectory().directory(ByteString(host.unit))
            let reader = try EntryListReader(
                try FileSource(try run.collectDirectory().openFile("\(host.unit).entries.tsv.gz".bytes)))
            var archives: [String: (bytes: [UInt8], first: String, count: Int64)] = [:]
            while let row = try reader.next() {
                guard row.action == .take else { continue }
                let key = row.entry.key
                let bytes = try content.descend(Array(key.components.dropLast())).readFile(
                    key.components[key.components.count - 1])
                archives[row.manifest.tenant, default: ([], key.description, 0)].bytes += bytes
                archives[row.manifest.tenant]?.count += 1
            }
            for (tenant, archive) in archives {
                let unit = "\(tenant)/\(date)/\(host.unit)"
                let old = try run.unitRecord(.pack, unit)
                if let old, old.inputs["list.\(host.unit)"] == list.sha256.description { continue }
                let place = try run.packDirectory().descendCreating([ByteString(tenant), ByteString(date.description)])
                try PendingFile.write(archive.bytes, to: "\(host.unit).tar.gz".bytes, in: place)
                let index = Array("index of \(SHA256Hasher.digest(of: archive.bytes))\n".utf8)
                try PendingFile.write(index, to: "\(host.unit).index.tsv.gz".bytes, in: place)
                var record = record(.pack, unit, date)
                record.inputs = ["list.\(host.unit)": list.sha256.description]
                record.tenant = tenant
                record.hosts = [.init(host: host.unit, firstKey: archive.first, entries: archive.count)]
                record.outputs = [
                    .init(
                        path: "pack/\(unit).tar.gz", size: Int64(archive.bytes.count),
                        sha256: SHA256Hasher.digest(of: archive.bytes)),
                    .init(
                        path: "pack/\(unit).index.tsv.gz", size: Int64(index.count),
                        sha256: SHA256Hasher.digest(of: index)),
                ]
                try run.write(record)
            }
            // What the host has no more of is in no archive of it any longer.
            for record in try run.unitRecords(.pack) where record.share(of: host.unit) != nil {
                if record.inputs["list.\(host.unit)"] != list.sha256.description {
                    try run.removeRecord(.pack, record.unit)
                }
            }
        }
    }

    /// Ships the archives of a run, as far as they are not recorded.
    func ship(_ date: CivilDate, _ vault: OpenVault) throws {
        guard let run = try directory.run(date) else { return }
        let mark = try run.pruneMark()
        for packed in try run.unitRecords(.pack) where mark.time(of: packed) == nil {
            if let done = try run.unitRecord(.ship, packed.unit, vault: vault.name), done.inputs == packed.shippedInputs
            {
                continue
            }
            let place = try run.directory.descend(
                packed.outputs[0].path.split(separator: "/").dropLast().map { ByteString(String($0)) })
            let name = packed.unit.split(separator: "/").last.map(String.init) ?? ""
            let archive = try place.readFile("\(name).tar.gz".bytes)
            let index = try place.readFile("\(name).index.tsv.gz".bytes)
            for generation in 1...20 {
                let key = try layout.archive(packed.unit, generation: generation, suffix: ".tar.gz")
                guard try put(archive, key, vault), try put(index, layout.group(ofArchive: key)[1], vault),
                    try put(Array("\(packed.outputs[0].sha256)\n".utf8), layout.group(ofArchive: key)[0], vault)
                else { continue }
                var record = record(.ship, packed.unit, date)
                record.inputs = packed.shippedInputs
                record.outputs = [
                    .init(path: key.description, size: Int64(archive.count), sha256: packed.outputs[0].sha256)
                ]
                record.vault = vault.identity
                record.evidence = "reread"
                try run.write(record, vault: vault.name)
                break
            }
        }
    }

    /// Puts or adopts; false when the key is taken by other bytes.
    private func put(_ bytes: [UInt8], _ key: ObjectKey, _ vault: OpenVault) throws -> Bool {
        let expected = ExpectedContent(size: Int64(bytes.count), sha256: SHA256Hasher.digest(of: bytes))
        do throws(Fault) {
            _ = try vault.store.put(BytesSource(bytes, name: "\(key)"), expecting: expected, to: key, PutOptions())
            return true
        } catch { if error.code != .exists { throw error } }
        do throws(Fault) { _ = try vault.store.verify(key, expecting: expected) } catch {
            if error.code != .damaged && error.code != .changed { throw error }
            return false
        }
        return true
    }

    /// Commits the manifests of a run whose archives are in all vaults.
    ///
    /// - Returns: the hosts that were committed now.
    func commit(_ date: CivilDate) throws -> [String] {
        guard let run = try directory.run(date) else { return [] }
        var committed: [String] = []
        for host in try run.unitRecords(.collect) {
            guard let list = host.outputs.first else { continue }
            let unit = UnitRecord.manifestUnit(ofHost: host.unit)
            let isDone = try vaults.allSatisfy { vault in
                try run.unitRecord(.ship, unit, vault: vault.name)?.inputs[list.path] == list.sha256.description
            }
            if isDone { continue }
            let lock = try directory.lockLedger(breaking: false)
            defer { withExtendedLifetime(lock) {} }
            var built: [(vault: OpenVault, bytes: [UInt8])] = []
            for vault in vaults {
                guard let bytes = try manifest(host, list, run, vault) else { break }
                built.append((vault, bytes))
            }
            guard built.count == vaults.count else { continue }
            var numbers: [Int] = []
            for (vault, bytes) in built {
                let inVault = try layout.manifests(in: vault.store, run: date).first?.units[host.unit] ?? 0
                var number = inVault
                var key = try layout.manifest(run: date, unit: host.unit, number: max(1, inVault))
                if try inVault == 0 || !put(bytes, key, vault) {
                    number = max(inVault, try directory.ledger().units(of: date)[host.unit] ?? 0) + 1
                    key = try layout.manifest(run: date, unit: host.unit, number: number)
                    _ = try put(bytes, key, vault)
                } else {
                    var rescue = try Rescue(vault, of: directory)
                    _ = try rescue.takeBack(key, why: "test")
                }
                _ = try put(
                    Array("\(SHA256Hasher.digest(of: bytes))  x\n".utf8), layout.group(ofManifest: key)[1], vault)
                numbers.append(number)
            }
            let place = try directory.ledger().directory(of: date)
            let name = LedgerDirectory.fileName(unit: host.unit, number: numbers[0])
            try PendingFile.write(
                Array("\(SHA256Hasher.digest(of: built[0].bytes))  \(name)\n".utf8), to: ByteString(name + ".sha256"),
                in: place)
            try PendingFile.write(built[0].bytes, to: ByteString(name), in: place)
            for (index, vault) in vaults.enumerated() {
                var record = record(.ship, unit, date)
                record.inputs = [list.path: list.sha256.description]
                let key = try layout.manifest(run: date, unit: host.unit, number: numbers[index])
                record.outputs = [
                    .init(
                        path: key.description, size: Int64(built[index].bytes.count),
                        sha256: SHA256Hasher.digest(of: built[index].bytes))
                ]
                record.counts = ["number": Int64(numbers[index])]
                record.vault = vault.identity
                record.evidence = "reread"
                try run.write(record, vault: vault.name)
            }
            committed.append(host.unit)
        }
        return committed
    }

    /// The manifest of a host, or nothing when something that it names is not in the vault.
    private func manifest(_ host: UnitRecord, _ list: UnitRecord.Output, _ run: RunDirectory, _ vault: OpenVault) throws
        -> [UInt8]?
    {
        var offsets: [String: (object: String, next: Int64, end: Int64)] = [:]
        for packed in try run.unitRecords(.pack) where packed.share(of: host.unit) != nil {
            guard packed.inputs["list.\(host.unit)"] == list.sha256.description,
                let shipped = try run.unitRecord(.ship, packed.unit, vault: vault.name),
                shipped.inputs == packed.shippedInputs
            else { return nil }
            offsets[packed.tenant ?? ""] = (shipped.outputs[0].path, 0, shipped.outputs[0].size)
        }
        let file = try state.unnamedFile()
        let writer = try ManifestWriter(file)
        let reader = try EntryListReader(
            try FileSource(try run.collectDirectory().openFile("\(host.unit).entries.tsv.gz".bytes)))
        var named: Set<String> = []
        while let row = try reader.next() {
            var manifest = row.manifest
            if row.action == .take {
                guard let place = offsets[manifest.tenant] else { return nil }
                manifest.object = place.object
                manifest.run = run.date.description
                manifest.name = manifest.entry.key
                manifest.range = place.next..<(place.next + manifest.entry.size)
                offsets[manifest.tenant]?.next += manifest.entry.size
            }
            named.insert(manifest.object)
            try writer.write(manifest)
        }
        _ = try writer.finish()
        var rescue = try Rescue(vault, of: directory)
        for object in named {
            let key = try ObjectKey(object)
            _ = try rescue.takeBack(key, why: "test")
            guard try vault.store.head(key) != nil else { return nil }
        }
        let source = try FileSource(file)
        var bytes: [UInt8] = []
        try source.forEachPiece(length: source.size, using: Buffer(capacity: 1 << 16)) { bytes += $0 }
        return bytes
    }

    // MARK: Looking

    /// What the manifest of a host in a run restores to, or nothing without one.
    func restore(_ host: String, _ date: CivilDate, _ vault: OpenVault) throws -> [String: [UInt8]]? {
        guard let number = try layout.manifests(in: vault.store, run: date).first?.units[host] else { return nil }
        let reader = try ManifestReader(
            try vault.store.open(try layout.manifest(run: date, unit: host, number: number)))
        var files: [String: [UInt8]] = [:]
        while let row = try reader.next() {
            guard let range = row.range else { continue }
            let source = try vault.store.open(try ObjectKey(row.object))
            var bytes = [UInt8](repeating: 0, count: Int(range.upperBound - range.lowerBound))
            let count = try bytes.withUnsafeMutableBytes { try source.read(into: $0, at: range.lowerBound) }
            files[row.entry.key.description] = Array(bytes[..<count])
        }
        return files
    }

    /// The objects that the manifest of a host in a run names.
    func named(_ host: String, _ date: CivilDate, _ vault: OpenVault) throws -> Set<String> {
        guard let number = try layout.manifests(in: vault.store, run: date).first?.units[host] else { return [] }
        let key = try layout.manifest(run: date, unit: host, number: number)
        let reader = try ManifestReader(try vault.store.open(key))
        var objects: Set<String> = []
        while let row = try reader.nextReference() { objects.insert(row.object) }
        return objects
    }

    func manifests(_ vault: OpenVault) throws -> [(run: CivilDate, units: [String: Int])] {
        try layout.manifests(in: vault.store)
    }

    func archives(_ vault: OpenVault) throws -> Set<String> {
        var keys: Set<String> = []
        try vault.store.list(prefix: "siem/") { key, _ in
            if key.description.hasSuffix(".tar.gz") { keys.insert(key.description) }
        }
        return keys
    }
}

extension String {
    fileprivate var bytes: ByteString { ByteString(self) }
}
