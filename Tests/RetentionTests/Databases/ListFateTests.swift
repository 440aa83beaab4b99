import Testing

@testable import Retention

struct ListFateTests {
    private typealias Decision = VaultPrunePlan.Decision

    private func fate(_ decisions: [(Decision, Bool)]) -> DatabasePrune.ListFate {
        var fate = DatabasePrune.ListFate()
        for (decision, isDeparting) in decisions { fate.add(decision, isDeparting: isDeparting) }
        return fate
    }

    @Test func `one manifest that stays, or has not begun to go, keeps the lists of its run`() {
        for kept in [(Decision.keep, false), (.release, true), (.wait, false)] {
            #expect(fate([(.retire, true), kept, (.leave, true)]).isKept, "\(kept)")
        }
        #expect(!fate([(.quarantine, false), (.wait, true)]).isKept)
    }

    @Test func `lists are marked once all manifests are, or are by the same plan`() {
        #expect(!fate([(.retire, true), (.wait, true)]).areMarked)
        #expect(!fate([(.leave, true), (.quarantine, false)]).areMarked)
        #expect(fate([(.retire, true), (.leave, true), (.gone, true), (.expire, true)]).areMarked)
    }
}
