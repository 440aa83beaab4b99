import Platform
import Settings

/// Numbers as people read them.
package enum Figures {
    /// `1.4 GiB`.
    package static func bytes(_ count: Int64) -> String { ByteCount(bytes: count).description }

    /// `0.8 s`, `2 min 05 s`, `3 h 10 min`.
    package static func seconds(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        if tenths < 600 { return "\(tenths / 10).\(tenths % 10) s" }
        let whole = Int(value.rounded())
        if whole < 3_600 { return "\(whole / 60) min \(two(whole % 60)) s" }
        return "\(whole / 3_600) h \(two(whole % 3_600 / 60)) min"
    }

    /// `1 entry`, `2 entries`.
    package static func count(_ number: Int64, _ one: String, _ several: String) -> String {
        "\(number) \(number == 1 ? one : several)"
    }

    /// `1 was there already`, `2 were there already`.
    package static func wereThere(_ number: Int64) -> String { count(number, "was", "were") + " there already" }

    /// How much smaller: `5.40x`.
    package static func ratio(_ from: Int64, _ to: Int64) -> String {
        guard to > 0 else { return "-" }
        let hundredths = Int((Double(from) / Double(to) * 100).rounded())
        return "\(hundredths / 100).\(two(hundredths % 100))x"
    }

    private static func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
