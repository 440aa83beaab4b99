package import Ledger
package import Platform

extension Figures {
    /// `12.30 USD`, `0.0042 USD`: cents, and two digits of what is less than ten of them.
    package static func dollars(_ amount: Double) -> String {
        guard amount.isFinite else { return "unknown" }
        guard abs(amount) < 0.095 else { return fixed(amount, digits: 2) + " USD" }
        if amount == 0 { return "0.00 USD" }
        // The first digit that is not 0, and one behind it.
        var digits = 2
        var scaled = abs(amount) * 10
        while scaled < 0.95 && digits < 8 {
            scaled *= 10
            digits += 1
        }
        return abs(amount) < 1e-7 ? "less than 0.0000001 USD" : fixed(amount, digits: digits) + " USD"
    }

    /// A line of a plan or a report: `3 objects, 1.2 GiB, 24 requests, about 0.0021 USD and 0.0012 USD a month`.
    ///
    /// - Parameters:
    ///   - estimate: what is told.
    ///   - date: the day of its prices.
    /// - Returns: the line, without a full stop.
    package static func costs(_ estimate: CostEstimate, pricesOf date: CivilDate) -> String {
        var parts = [
            count(estimate.objects, "object", "objects"), bytes(estimate.bytes),
            count(estimate.requests, "request", "requests"),
        ]
        if estimate.unpriced < estimate.objects {
            parts.append(
                "about \(dollars(estimate.now)) and \(dollars(estimate.month)) a month by the prices of \(date)")
        }
        if estimate.unpriced > 0 { parts.append("\(estimate.unpriced) without a price") }
        return parts.joined(separator: ", ")
    }

    private static func fixed(_ amount: Double, digits: Int) -> String {
        let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
        guard abs(amount) * scale < 9e18 else { return "\(amount)" }
        let number = Int64((abs(amount) * scale).rounded())
        let (whole, part) = number.quotientAndRemainder(dividingBy: Int64(scale))
        let tail = String(part)
        return (amount < 0 && number != 0 ? "-" : "") + "\(whole)."
            + String(repeating: "0", count: digits - tail.count) + tail
    }
}
