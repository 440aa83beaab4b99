import Ledger
import Platform
import Retention
import Settings
import Staging
import TestSupport
import Vault

/// Random nights, failures, prunes, undos and holds of one job, beside what it must still be able to restore.
final class RetentionModel {
    struct Violation: Error, CustomStringConvertible {
        var description: String
    }
    private struct Place: Hashable, CustomStringConvertible {
        var host: String
        var date: CivilDate
        var description: String { "\(date) \(host)" }
    }

    private let job: SmallJob
    private var random: SplitMix64
    private let policy: RetentionPolicy
    private var trees: [String: SmallJob.Tree] = [:]
    /// What each committed manifest was made from.
    private var committed: [Place: SmallJob.Tree] = [:]
    /// What each run was last collected from.
    private var collected: [Place: SmallJob.Tree] = [:]
    /// Manifests that a hold or an undo has brought back, until the hold ends or prune has decided anew.
    private var held: Set<Place> = []
    private var hold: LegalHold?
    private var lost: [(vault: Int, key: String)] = []
    /// What comes back after prune has forgotten it is nobody's.
    private var wasLost: Set<String> = []
    private var open: [SmallJob.Plan] = []
    private var serial: Int64 = 0
    private(set) var steps: [String] = []

    static let hosts = ["a", "b"]
    static let tenants = ["acme", "globex", "initech"]

    init(_ top: String, seed: UInt64) throws {
        random = SplitMix64(seed: seed)
        job = try SmallJob(top, vaults: Int.random(in: 1...2, using: &random))
        policy = RetentionPolicy(
            keepLast: Int.random(in: 1...3, using: &random), grace: Int.random(in: 1...4, using: &random))
        for host in Self.hosts {
            trees[host] = [:]
            for _ in 0..<4 { change(host) }
        }
    }

    private func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    // MARK: Sources

    private func change(_ host: String) {
        var tree = trees[host] ?? [:]
        serial += 1
        let modified = Timestamp(seconds: 1_700_000_000 + serial)
        let keys = tree.keys.sorted()
        let key = keys.randomElement(using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
            if let key { tree[key] = nil }
        case 1:
            if let key {
                tree[key] = .init(bytes: random.bytes(Int.random(in: 0...40, using: &random)), modified: modified)
            }
        case 2:
            if let key, let file = tree[key] {
                tree[key] = nil
                tree[SmallJob.tenant(key) + "/renamed\(serial)"] = file
            }
        default:
            let tenant = Self.tenants.randomElement(using: &random) ?? ""
            tree["\(tenant)/f\(serial)"] = .init(
                bytes: random.bytes(Int.random(in: 0...60, using: &random)), modified: modified)
        }
        trees[host] = tree
    }

    // MARK: Steps

    /// One random step, and a look whether all still holds.
    func step() throws {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<30: try night()
        case 30..<36: try goOn()
        case 36..<62: try prune(isKilled: chance(35), expires: chance(70))
        case 62..<72: try pruneStaging(isKilled: chance(30))
        case 72..<78: try undo()
        case 78..<84: try changeHold()
        case 84..<90: try lose()
        case 90..<96: try regain()
        default:
            steps.append("days")
            job.pass(days: Int.random(in: 1...6, using: &random))
        }
        try check()
    }

    private func night() throws {
        job.pass(days: 1)
        let date = job.today
        steps.append("night \(date)")
        let hosts = Self.hosts.filter { _ in chance(90) }
        for host in hosts {
            for _ in 0..<Int.random(in: 0...3, using: &random) { change(host) }
            // A run of the past is collected again, or one that was missed; not while an archive is lost, whose key another one
            // would take: then what it held is lost for good.
            let day = chance(10) && lost.isEmpty ? date.adding(days: -Int.random(in: 1...3, using: &random)) : date
            try collect(host, day)
        }
        if chance(85) { try handOnAll() }
        if chance(85) { try goOn() }
    }

    private func collect(_ host: String, _ date: CivilDate) throws {
        guard !open.contains(where: { $0.date == date }) else { return }
        let tree = trees[host] ?? [:]
        collected[Place(host: host, date: date)] = tree
        open.append(try job.plan(host, date, tree))
        if chance(50) { try handOnAll() }
    }

    private func handOnAll() throws {
        while let plan = open.popLast() { try job.handOn(plan) }
    }

    /// Packs, ships and commits what is open, and stops anywhere.
    private func goOn() throws {
        steps.append("stages")
        for date in try job.directory.runs() {
            if open.contains(where: { $0.date == date }) { continue }
            if chance(10) { return }
            try job.pack(date)
            for vault in job.vaults {
                if chance(10) { return }
                try job.ship(date, vault)
            }
            if chance(10) { return }
            // Prune between the carry and the commit.
            if chance(15) { try prune(isKilled: chance(30), expires: true) }
            for host in try job.commit(date) {
                let place = Place(host: host, date: date)
                committed[place] = collected[place]
                if let hold, hold.covers(anyOf: tenants(place)) { held.insert(place) }
            }
        }
    }

    private func tenants(_ place: Place) -> [String] { (committed[place] ?? [:]).keys.map { SmallJob.tenant($0) } }

    private func prune(isKilled: Bool, expires: Bool) throws {
        steps.append("prune\(isKilled ? " killed" : "")\(expires ? " expire" : "")")
        let lock = try job.directory.lockLedger(breaking: false)
        defer { withExtendedLifetime(lock) {} }
        var isWhole = true
        for vault in job.vaults {
            let rest = Monitor(isKilled ? Int.random(in: 0..<12, using: &random) : Int.max)
            var request = VaultPrune.Request(policy: policy, holds: hold.map { [$0] } ?? [])
            request.approved = Set(Self.tenants)
            request.expires = expires
            let prune = VaultPrune(
                vault, of: job.directory, open: try OpenRuns(job.directory, vaults: job.vaults.map(\.name)),
                cache: job.cache, request, clock: job.clock, log: job.log
            ) { _ throws(Fault) in
                guard
                    rest.with({ left in
                        left -= 1
                        return left >= 0
                    })
                else { throw Fault(.interrupted, "killed") }
            }
            do {
                var departures = try Departures(vault, of: job.directory)
                let outcome = try prune.carryOut(try prune.plan(departures), &departures)
                guard outcome.failed.isEmpty else { throw Violation(description: "\(outcome.failed)") }
            } catch let fault as Fault {
                // A manifest that is lost can't be read, and nothing may go then.
                let isExpected = fault.code == .interrupted && isKilled || !lost.isEmpty
                guard isExpected else { throw fault }
                isWhole = false
            }
        }
        if isWhole { try checkUnmarked() }
    }

    private func pruneStaging(isKilled: Bool) throws {
        let stage: Stage = chance(50) ? .collect : .pack
        steps.append("\(stage) prune\(isKilled ? " killed" : "")")
        var settings = RetentionSettings()
        settings.keepLocal = Int.random(in: 0...2, using: &random)
        let rest = Monitor(isKilled ? Int.random(in: 0..<4, using: &random) : Int.max)
        let prune = StagingPrune(
            stage, of: job.directory, settings, vaults: job.vaults, clock: job.clock, log: job.log
        ) { _ throws(Fault) in
            guard
                rest.with({ left in
                    left -= 1
                    return left >= 0
                })
            else { throw Fault(.interrupted, "killed") }
        }
        do {
            let plan = try prune.plan()
            for item in plan where item.decision == .prune && stage == .collect {
                guard let date = CivilDate(item.run) else { continue }
                if item.why == "every vault holds it" {
                    for vault in job.vaults { try mustHold(item.unit, date, vault) }
                } else {
                    try mayLetGo(Place(host: item.unit, date: date), item.why)
                }
            }
            _ = try prune.carryOut(plan)
        } catch let fault as Fault {
            guard fault.code == .interrupted, isKilled else { throw fault }
        }
    }

    private func undo() throws {
        steps.append("undo")
        let lock = try job.directory.lockLedger(breaking: false)
        defer { withExtendedLifetime(lock) {} }
        var selection = Undo.Selection()
        switch Int.random(in: 0..<3, using: &random) {
        case 0: selection.tenant = Glob(Self.tenants.randomElement(using: &random) ?? "")
        case 1: selection.run = job.today.adding(days: -Int.random(in: 1...8, using: &random))
        default: break
        }
        for vault in job.vaults {
            var departures = try Departures(vault, of: job.directory)
            let undo = Undo(vault, of: job.directory)
            let plan = try undo.plan(selection, departures).departures
            let result = try undo.carryOut(plan, &departures, why: nil)
            guard result.failed.isEmpty else { throw Violation(description: "undo: \(result.failed)") }
            for departure in plan where departures[departure.key].map({ $0.state != .gone }) ?? false {
                throw Violation(description: "undone, and still on its way out: \(departure.key)")
            }
            for departure in plan {
                if try vault.store.retirement(try ObjectKey(departure.key)) != nil {
                    throw Violation(description: "undone, and still marked: \(departure.key)")
                }
            }
        }
    }

    private func changeHold() throws {
        if hold != nil {
            steps.append("hold ends")
            hold = nil
            held = []
            return
        }
        let tenant = Self.tenants.randomElement(using: &random) ?? ""
        steps.append("hold \(tenant)")
        let new = LegalHold(tenant: tenant, until: nil, why: "court")
        hold = new
        // What is whole now must stay so.
        for (place, tree) in committed where new.covers(anyOf: tenants(place)) {
            let isWhole = try job.vaults.allSatisfy { vault in
                let found = fault { try self.job.restore(place.host, place.date, vault) }
                guard found == nil, let files = try self.job.restore(place.host, place.date, vault) else {
                    return false
                }
                return files == tree.mapValues(\.bytes)
            }
            if isWhole { held.insert(place) }
        }
    }

    private func lose() throws {
        guard lost.count < 2 else { return }
        let vault = Int.random(in: 0..<job.vaults.count, using: &random)
        guard let key = try job.archives(job.vaults[vault]).sorted().randomElement(using: &random) else { return }
        steps.append("lost \(key)")
        try job.stores[vault].lose(key)
        lost.append((vault, key))
        wasLost.insert(key)
    }

    private func regain() throws {
        while let (vault, key) = lost.popLast() {
            steps.append("regained \(key)")
            try job.stores[vault].regain(key)
        }
    }

    // MARK: What must hold

    /// The manifests that must be there: the newest ones of each host, and those that are held.
    private var needed: Set<Place> {
        var needed = held
        for host in Self.hosts {
            let dates = committed.keys.filter { $0.host == host }.map(\.date).sorted(by: >)
            for date in dates.prefix(max(1, policy.keepLast)) { needed.insert(Place(host: host, date: date)) }
        }
        return needed
    }

    private func mustRestore(_ place: Place, _ vault: OpenVault, _ why: String) throws {
        guard let tree = committed[place] else { return }
        guard let files = try job.restore(place.host, place.date, vault) else {
            throw Violation(description: "\(place) \(why), and has no manifest in \(vault.name)")
        }
        guard files == tree.mapValues(\.bytes) else {
            throw Violation(description: "\(place) \(why), and does not restore from \(vault.name)")
        }
    }

    /// The archives that a host's own content of a run is in: what is carried lies in those of other runs.
    private func mustHold(_ host: String, _ date: CivilDate, _ vault: OpenVault) throws {
        guard let run = try job.directory.run(date) else { return }
        for packed in try run.unitRecords(.pack) where packed.share(of: host) != nil {
            let shipped = try run.unitRecord(.ship, packed.unit, vault: vault.name)
            guard let key = shipped?.outputs.first?.path, try vault.store.head(try ObjectKey(key)) != nil else {
                throw Violation(description: "\(packed.unit) would go from staging, and \(vault.name) has not got it")
            }
        }
    }

    /// What prune has let go in a vault goes from staging, as long as it is what was committed and nobody needs it.
    private func mayLetGo(_ place: Place, _ why: String) throws {
        let isCollecting = open.contains { $0.date == place.date }
        guard why.contains("prune let it go"), !needed.contains(place),
            isCollecting || committed[place] == collected[place]
        else { throw Violation(description: "\(place) would go from staging: \(why)") }
    }

    /// In the end nothing stays on staging for ever.
    private func checkStaging() throws {
        var settings = RetentionSettings()
        settings.keepLocal = 0
        for stage in [Stage.collect, .pack] {
            let prune = StagingPrune(
                stage, of: job.directory, settings, vaults: job.vaults, clock: job.clock, log: job.log)
            _ = try prune.carryOut(try prune.plan())
            let left = try prune.plan().filter { !$0.why.hasPrefix("it was made anew") }
            guard left.isEmpty else { throw Violation(description: "stays on staging: \(left)") }
        }
    }

    private func check() throws {
        guard lost.isEmpty else { return }
        for place in needed { for vault in job.vaults { try mustRestore(place, vault, "is kept") } }
    }

    /// Nothing that is needed may be marked once a prune has come to its end.
    private func checkUnmarked() throws {
        guard lost.isEmpty else { return }
        for place in needed {
            for vault in job.vaults {
                for key in try job.named(place.host, place.date, vault) {
                    if try vault.store.retirement(try ObjectKey(key)) != nil {
                        throw Violation(description: "\(key) is marked, and \(place) needs it")
                    }
                }
            }
        }
    }

    // MARK: The end

    /// Ends all that is open and lets time pass: then everything that may go is gone, and nothing else.
    func finish() throws {
        try regain()
        hold = nil
        held = []
        try handOnAll()
        steps.append("the end")
        for _ in 0..<2 {
            try commitAll()
            try collectLost()
        }
        try commitAll()
        let still = try OpenRuns(job.directory, vaults: job.vaults.map(\.name))
        guard still.dates.isEmpty else {
            let units = still.units.map { "\($0.run.date) \($0.record.unit)" }
            throw Violation(description: "not committed at the end: \(units), open: \(still.dates.sorted())")
        }
        for _ in 0..<5 {
            try prune(isKilled: false, expires: true)
            job.pass(days: policy.grace)
        }
        try check()
        try checkStaging()
        let needed = needed
        for vault in job.vaults {
            var manifests: Set<Place> = []
            var named: Set<String> = []
            for (date, units) in try job.manifests(vault) {
                for host in units.keys {
                    manifests.insert(Place(host: host, date: date))
                    named.formUnion(try job.named(host, date, vault))
                }
            }
            guard manifests == needed else {
                throw Violation(
                    description:
                        "\(vault.name) has \(manifests.subtracting(needed)) too much and lacks \(needed.subtracting(manifests))"
                )
            }
            // What was shipped and is named by nothing is not known to be ours.
            let tooMuch = try job.archives(vault).subtracting(named).filter {
                try !wasLost.contains($0) && !isOrphan($0, vault)
            }
            guard tooMuch.isEmpty else { throw Violation(description: "\(vault.name) still has \(tooMuch.sorted())") }
            let departures = try Departures(vault, of: job.directory)
            guard departures.isEmpty else {
                throw Violation(description: "still on their way out: \(departures.map(\.key))")
            }
        }
    }

    private func commitAll() throws {
        for date in try job.directory.runs() {
            try job.pack(date)
            for vault in job.vaults { try job.ship(date, vault) }
            for host in try job.commit(date) {
                let place = Place(host: host, date: date)
                committed[place] = collected[place]
            }
        }
    }

    /// A run that was collected anew between two vaults is in them under different keys; what a later run carries from there
    /// one of them lacks, and it is collected again, as by the list of lost archives that ship leaves for collect.
    private func collectLost() throws {
        let open = try OpenRuns(job.directory, vaults: job.vaults.map(\.name))
        var lost: Set<String> = []
        try open.forEachCarried { row, _ throws(Fault) in
            for vault in job.vaults where try vault.store.head(try ObjectKey(row.object)) == nil {
                lost.insert(row.object)
            }
        }
        guard !lost.isEmpty else { return }
        for unit in open.units {
            let place = Place(host: unit.record.unit, date: unit.run.date)
            guard let tree = collected[place] else { continue }
            try job.handOn(try job.plan(place.host, place.date, tree, lost: lost))
        }
    }

    /// Archives that every manifest has named once are told in the audit log when they go.
    private func isOrphan(_ key: String, _ vault: OpenVault) throws -> Bool {
        var wasTold = false
        try AuditLog(job.directory, .ship).read(torn: { _, _ in }) { line, _ throws(Fault) in
            if line.object == key, line.vault == vault.name { wasTold = true }
        }
        return !wasTold
    }
}
