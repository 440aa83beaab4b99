import Console
import Ledger
import Platform
import Testing

struct CostTests {
    @Test(
        "Dollars have cents, and small amounts the digits that tell something",
        arguments: [
            (0.0, "0.00 USD"), (1, "1.00 USD"), (12.345, "12.35 USD"), (1_234_567.891, "1234567.89 USD"),
            (0.1, "0.10 USD"), (0.0949, "0.095 USD"), (0.05, "0.050 USD"), (0.0042, "0.0042 USD"),
            (0.00000123, "0.0000012 USD"), (1e-9, "less than 0.0000001 USD"), (-2.5, "-2.50 USD"),
            (.infinity, "unknown"),
        ])
    func dollars(amount: Double, expected: String) {
        #expect(Figures.dollars(amount) == expected)
    }

    @Test("An estimate in one line, with the day of its prices")
    func line() {
        let date = CivilDate(dayNumber: 20_089)
        let estimate = CostEstimate(objects: 3, bytes: 3 << 30, requests: 24, now: 0.0021, month: 1.5)
        #expect(
            Figures.costs(estimate, pricesOf: date)
                == "3 objects, 3 GiB, 24 requests, about 0.0021 USD and 1.50 USD a month by the prices of 2025-01-01")
        var partly = estimate
        partly.unpriced = 1
        #expect(Figures.costs(partly, pricesOf: date).hasSuffix("prices of 2025-01-01, 1 without a price"))
        let unknown = CostEstimate(objects: 1, bytes: 0, requests: 1, unpriced: 1)
        #expect(Figures.costs(unknown, pricesOf: date) == "1 object, 0 B, 1 request, 1 without a price")
    }
}
