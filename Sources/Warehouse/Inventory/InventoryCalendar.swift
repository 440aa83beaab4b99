package import Platform

/// Which inventory a run takes, and how inventories are named.
package enum InventoryCalendar {
    /// The first moment at which an inventory for a run may have been begun: the start of the day that lies `lag` days
    /// behind the run's, in the time zone of the process.
    ///
    /// With two days that is 2 April for the run of 31 March, so that what was written late on 31 March is in the
    /// inventory for sure, though inventories are made in hours.
    package static func earliest(run: CivilDate, lagDays: Int) -> Timestamp {
        let day = run.adding(days: lagDays)
        // A day begins where the date changes; a search needs no table of offsets, and knows summer time.
        let noon = Int64(day.dayNumber) * 86_400 + 43_200
        var (before, after) = (noon - 2 * 86_400, noon + 2 * 86_400)
        while after - before > 1 {
            let middle = before + (after - before) / 2
            if CivilDate(localDayOf: Timestamp(seconds: middle)) < day { before = middle } else { after = middle }
        }
        return Timestamp(seconds: after)
    }

    /// Reads the name of an inventory's directory: `2026-04-02T01-00Z`.
    package static func moment(ofDirectory name: some StringProtocol) -> Timestamp? {
        let bytes = Array(name.utf8)
        guard bytes.count == 17, bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: "-"),
            bytes[16] == UInt8(ascii: "Z")
        else { return nil }
        let text = String(decoding: bytes[..<13], as: UTF8.self) + ":" + String(decoding: bytes[14..<16], as: UTF8.self)
        return Timestamp(rfc3339: text + ":00Z")
    }

    /// The UTC day of a moment.
    static func day(of moment: Timestamp) -> CivilDate {
        CivilDate(dayNumber: Int((Double(moment.seconds) / 86_400).rounded(.down)))
    }
}
