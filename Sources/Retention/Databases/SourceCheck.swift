import Ledger
import Platform
import Warehouse

/// Asks the source for each object that would begin to go, or be marked, whether it really is gone.
struct SourceCheck {
    private let source: SourceLook

    /// Requests at once.
    private static let atOnce = 16
    /// After so many answers that say nothing no further one is asked for: the source refuses us, or is away.
    private static let mostDoubts = 20

    init(_ source: SourceLook) { self.source = source }

    private enum Answer { case gone, there, unsure(String) }

    /// Looks at all of them.
    ///
    /// - Parameters:
    ///   - items: decided to be quarantined or retired, each with what its key at the source may be.
    ///   - plan: gets the count of those that nobody can tell.
    /// - Returns: the items, with what the answers have made of them.
    /// - Throws: `interrupted`.
    func check(
        _ items: [(item: VaultPrunePlan.Item, keys: [ByteString])], _ plan: inout VaultPrunePlan
    ) throws(Fault) -> [VaultPrunePlan.Item] {
        let answers = Monitor([Answer?](repeating: nil, count: items.count))
        let next = Monitor(0)
        let doubts = Monitor<(count: Int, first: String?)>((0, nil))
        let crew = ThreadCrew(onFault: { next.with { $0 = items.count } })
        for _ in 0..<min(Self.atOnce, items.count) {
            try crew.start("prune") {
                while true {
                    try Shutdown.check()
                    let index = next.with { value in
                        defer { value += 1 }
                        return value
                    }
                    guard index < items.count else { return }
                    let answer = try ask(items[index].keys, isTired: doubts.with { $0.count >= Self.mostDoubts })
                    if case .unsure(let why) = answer {
                        doubts.with { $0 = ($0.count + 1, $0.first ?? why) }
                    }
                    answers.with { $0[index] = answer }
                }
            }
        }
        try crew.join()
        let known = answers.with { $0 }
        plan.firstDoubt = plan.firstDoubt ?? doubts.with { $0.first }
        return zip(items, known).map { one, answer in
            var item = one.item
            switch (answer, item.decision) {
            case (.gone, _): break
            case (.there, .quarantine): (item.decision, item.why) = (.keep, ["the source has it"])
            case (.there, _): (item.decision, item.why) = (.release, ["the source has it again"])
            case (_, .quarantine):
                (item.decision, item.why) = (.keep, ["the source does not say whether it has it"])
                plan.unsure = (plan.unsure ?? 0) + 1
            case (_, _):
                (item.decision, item.why) = (.wait, ["the source does not say whether it has it"])
                plan.unsure = (plan.unsure ?? 0) + 1
            }
            return item
        }
    }

    private func ask(_ keys: [ByteString], isTired: Bool) throws(Fault) -> Answer {
        if isTired { return .unsure("not asked for") }
        do throws(Fault) {
            for key in keys where try source.find(key) != nil { return .there }
            return .gone
        } catch {
            if error.code == .interrupted { throw error }
            return .unsure(error.description + (error.hint.map { " HINT: \($0)" } ?? ""))
        }
    }
}
