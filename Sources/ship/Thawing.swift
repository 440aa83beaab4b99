import Console
import Ledger
import Logging
import Platform
import Settings
import Vault

/// Looks at objects, and asks for those that are archived.
struct Thawing {
    let vault: OpenVault
    let request: ThawRequest
    let limits: BucketSettings.Thaw
    let isConfirmed: Bool
    /// Where prices hold, and which.
    let prices: (table: PriceTable, region: String)?
    let journal: ThawJournal?
    let clock: Clock
    let log: Logger

    /// Requests of one kind under way.
    private static let atOnce = 16
    /// So many answers are remembered at once: what a kill loses of them is asked for again, and answered as under way.
    private static let remembered = 200

    /// - Parameters:
    ///   - settings: of the vault.
    ///   - vault: opened for reading.
    ///   - options: of the command line.
    ///   - configuration: names the price table and the state directory, which need not be there.
    ///   - clock: tells when something was asked for.
    ///   - log: gets what is done.
    /// - Throws: `settings` for a price table that is wrong.
    init(
        _ settings: VaultSettings, _ vault: OpenVault, _ options: ThawOptions, _ configuration: Configuration,
        clock: Clock = .system, log: Logger
    ) throws(Fault) {
        self.vault = vault
        self.clock = clock
        self.log = log
        isConfirmed = options.yes
        var limits = BucketSettings.Thaw()
        if case .bucket(let bucket) = settings.kind {
            limits = bucket.thaw
            // Only buckets of AWS itself have prices.
            if bucket.endpoint == nil {
                prices = (
                    try PriceFile.load(configuration.prices), try OpenVault.bucketStore(bucket, log: log).region
                )
            } else {
                prices = nil
            }
        } else {
            prices = nil
        }
        self.limits = limits
        request = options.request(limits)
        journal = (try? Directory.open(configuration.state)).map { ThawJournal($0, vault: settings.name) }
    }

    /// Looks at the archives that hold files.
    ///
    /// - Throws: `usage` for a tier that an object's class does not have; `interrupted` after a signal.
    func look(at objects: [RestorePlan.Object]) throws(Fault) -> ThawLook {
        var keys: [ObjectKey] = []
        var heads: [String: Result<ObjectHead, Fault>] = [:]
        for object in objects where object.isRead {
            do throws(Fault) { keys.append(try ObjectKey(object.key)) } catch { heads[object.key] = .failure(error) }
        }
        let asked = (try? journal?.load()) ?? [:]
        var archived: [ThawPlan.Object] = []
        for (key, result) in try vault.store.heads(of: keys, atOnce: Self.atOnce) {
            heads[key.description] = result
            guard case .success(let head) = result else { continue }
            archived.append(
                ThawPlan.Object(
                    key: key, size: head.size, storageClass: head.storageClass, readability: head.readability,
                    asked: asked[key]))
        }
        let plan = try ThawPlan(archived, request)
        let dollars = prices.flatMap { plan.archived.isEmpty ? nil : plan.dollars($0.table, in: $0.region) }
        return ThawLook(heads: heads, plan: plan, dollars: dollars, pricesOf: prices?.table.date)
    }

    /// Asks for what is archived; what it costs has been told.
    ///
    /// - Throws: `usage` when it is more than the vault's limits and nobody can be asked; `limit` when the answer was no;
    ///   the fault of an object that can't be asked for.
    func ask(_ look: ThawLook, _ outline: RestoreOutline.Thaw) throws(Fault) {
        let archived = look.plan.archived
        if archived.isEmpty { return }
        try confirm(outline)
        for start in stride(from: 0, to: archived.count, by: Self.remembered) {
            let some = archived[start..<min(start + Self.remembered, archived.count)].map(\.key)
            let answers = Monitor<[ObjectKey: ThawAnswer]>([:])
            var failure: Fault?
            do throws(Fault) {
                try ThreadCrew.each(some, atOnce: Self.atOnce, "thaw") { key throws(Fault) in
                    let answer = try vault.store.thaw(key, request)
                    answers.with { $0[key] = answer }
                }
            } catch { failure = error }
            // What was asked for stays asked for, whatever became of the others.
            let requested = answers.with { $0 }.filter { $0.value == .requested }.map(\.key)
            do throws(Fault) {
                try journal?.add(requested, .init(at: clock.now(), tier: request.tier))
            } catch { log.info("when the thaw was asked for is not remembered: \(error)") }
            if let failure { throw failure }
        }
    }

    /// Tells what is asked for, and asks whether it may be where it is more than the vault's limits.
    ///
    /// - Throws: `usage` where nobody can be asked; `limit` when the answer was no.
    func confirm(_ outline: RestoreOutline.Thaw) throws(Fault) {
        let isLarge = outline.bytes > limits.askBytes.bytes
        let isDear = outline.dollars.map { $0 > Double(limits.askPrice) } ?? false
        guard !isConfirmed, isLarge || isDear else { return log.info("\(outline.text)") }
        let limit = isLarge ? "\(limits.askBytes)" : "\(limits.askPrice) USD"
        switch try Question.confirm("\(outline.text). Ask for it?") {
        case true?: log.info("\(outline.text)")
        case false?: throw Fault(.limit, "nothing was asked for", hint: "Narrow it down by --tenant, --host or paths.")
        case nil:
            throw Fault(
                .usage, "\(outline.text): that is over the vault's limit of \(limit), and nothing was asked for",
                hint: "Give --yes to have it thawed, or raise 'thaw' of the vault in coldchain.toml.")
        }
    }
}
