import Platform

extension Timestamp {
    /// Reads a moment as AWS services and the processes of others write it: `2026-11-20T03:04:05Z`, with a fraction of a
    /// second, or with an offset such as `+01:00`.
    init?(iso8601 text: String) {
        var rest = text[...]
        guard rest.count >= 20, let moment = Timestamp(rfc3339: rest.prefix(19) + "Z") else { return nil }
        self = moment
        rest.removeFirst(19)
        if rest.first == "." {
            rest.removeFirst()
            let digits = rest.prefix { ("0"..."9").contains($0) }
            guard !digits.isEmpty else { return nil }
            // Beyond nanoseconds there is no room.
            let known = digits.prefix(9)
            guard let value = UInt32(known + String(repeating: "0", count: 9 - known.count)) else { return nil }
            nanoseconds = value
            rest.removeFirst(digits.count)
        }
        if rest == "Z" { return }
        let hours = rest.dropFirst().prefix(2)
        var minutes = rest.dropFirst(3)
        if minutes.first == ":" { minutes.removeFirst() }
        guard let sign = rest.first, sign == "+" || sign == "-", hours.count == 2,
            minutes.isEmpty || minutes.count == 2,
            let hour = Int64(hours), let minute = minutes.isEmpty ? 0 : Int64(minutes), (0..<24).contains(hour),
            (0..<60).contains(minute)
        else { return nil }
        seconds -= (sign == "-" ? -1 : 1) * (hour * 3_600 + minute * 60)
    }
}
