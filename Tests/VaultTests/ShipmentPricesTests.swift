import Ledger
import Testing
import Vault

struct ShipmentPricesTests {
    @Test("An archive in parts is one cold object, looked at before and after, and two hot ones")
    func archive() {
        let prices = ShipmentPrices(
            .listPrices, region: "us-east-1", storageClass: "DEEP_ARCHIVE", sidecarClass: "STANDARD")
        let estimate = prices.archive(100 << 30, parts: 64, index: 1 << 20)
        #expect(estimate.objects == 3 && estimate.unpriced == 0)
        #expect(estimate.bytes == (100 << 30) + (1 << 20) + 256)
        #expect(estimate.requests == (1 + 64 + 1 + 2) + 2 + 1)
        // 65 requests of the hot class, one of the cold, two of sidecars, three that read.
        let cents: Double = (65 * 0.5 + 5 + 2 * 0.5 + 3 * 0.04) / 1_000
        #expect(abs(estimate.now * 100 - cents) < 1e-9)
        #expect(estimate.month > 0.099 && estimate.month < 0.0991)
    }

    @Test("A small archive is written by three requests, and two that read")
    func small() {
        let prices = ShipmentPrices(
            .listPrices, region: "us-east-1", storageClass: "DEEP_ARCHIVE", sidecarClass: "STANDARD")
        let estimate = prices.archive(5 << 20, parts: 1, index: 1 << 10)
        #expect(estimate.objects == 3)
        #expect(estimate.requests == 3 + 2)
        let cents: Double = (5 + 2 * 0.5 + 2 * 0.04) / 1_000
        #expect(abs(estimate.now * 100 - cents) < 1e-9)
    }

    @Test("A store without prices has none")
    func unpriced() {
        let prices = ShipmentPrices(.listPrices, region: "here", storageClass: "", sidecarClass: "")
        #expect(prices.archive(1, parts: 1, index: 1).unpriced == 3)
    }
}
