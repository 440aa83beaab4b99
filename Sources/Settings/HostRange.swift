import Platform

/// Host names with number ranges: `siem[01-24].dc.example`, `db[1-3,7]`, `r[1-2]n[01-40]`, as in clush and Slurm.
enum HostRange {
    /// More hosts than this in one job are a typing error.
    static let mostHosts = 10_000

    /// The names that a text stands for, in the order of the numbers; the first range changes slowest.
    ///
    /// A number with zeros in front gives numbers of the same width.
    ///
    /// - Throws: `settings` for a text that is no range, with what is wrong.
    static func expand(_ text: String) throws(Fault) -> [String] {
        guard let open = text.firstIndex(of: "[") else {
            if text.contains("]") { throw Fault(.settings, "']' has no '[' before it") }
            return [text]
        }
        guard let close = text[open...].firstIndex(of: "]") else { throw Fault(.settings, "'[' has no ']' behind it") }
        let head = text[..<open]
        guard !head.contains("]") else { throw Fault(.settings, "']' has no '[' before it") }
        var numbers: [String] = []
        for item in text[text.index(after: open)..<close].split(separator: ",", omittingEmptySubsequences: false) {
            numbers += try range(String(item))
        }
        let tails = try expand(String(text[text.index(after: close)...]))
        guard numbers.count * tails.count <= mostHosts else {
            throw Fault(.settings, "stands for more than \(mostHosts) hosts")
        }
        return numbers.flatMap { number in tails.map { head + number + $0 } }
    }

    private static func range(_ item: String) throws(Fault) -> [String] {
        let ends = item.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard ends.count <= 2, ends.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
            let first = Int(ends[0]), let last = Int(ends[ends.count - 1])
        else { throw Fault(.settings, "'\(item)' is no number and no range such as 01-24") }
        guard first <= last else { throw Fault(.settings, "the range '\(item)' runs backwards") }
        guard last - first < mostHosts else { throw Fault(.settings, "stands for more than \(mostHosts) hosts") }
        let width = ends[0].hasPrefix("0") ? ends[0].count : 0
        return (first...last).map { number in
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
    }
}
