import Ledger
import Testing

struct StageRecordTests {
    @Test(arguments: [
        ("web1", "no route", "web1: no route"), ("web1", "web1: no route", "web1: no route"),
        ("web1", "web10: no route", "web1: web10: no route"),
        ("_attempt", "stopped by a signal", "stopped by a signal"),
    ])
    func `a failure names its unit once, and an attempt has no name`(unit: String, why: String, text: String) {
        #expect(StageRecord.FailedUnit(unit: unit, why: why).text == text)
    }

    @Test func `an earlier failure is still what it was`() {
        let failure = StageRecord.FailedUnit(unit: "web1", why: "not ready", isLater: true)
        #expect(failure.isEarlier == nil)
        #expect(failure.earlier == .init(unit: "web1", why: "not ready", isLater: true, isEarlier: true))
    }
}
