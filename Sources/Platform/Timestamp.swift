import Glibc

/// A moment: seconds and nanoseconds since 1970-01-01 00:00 UTC, as file systems keep it.
package struct Timestamp: Hashable, Comparable, Sendable {
    package var seconds: Int64
    package var nanoseconds: UInt32

    @inlinable package init(seconds: Int64, nanoseconds: UInt32 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }

    /// Seconds from `other` to this moment.
    package func since(_ other: Timestamp) -> Double {
        Double(seconds) - Double(other.seconds) + (Double(nanoseconds) - Double(other.nanoseconds)) / 1e9
    }

    /// RFC 3339 in UTC with whole seconds: `2026-11-20T03:04:05Z`.
    package var rfc3339: String {
        var value = time_t(seconds)
        var parts = tm()
        gmtime_r(&value, &parts)
        return CivilDate(parts).description + "T" + Timestamp.clockFace(parts) + "Z"
    }

    /// Date and time of the process's time zone: `2026-11-20 03:04:05`.
    package var local: String {
        var value = time_t(seconds)
        var parts = tm()
        localtime_r(&value, &parts)
        return CivilDate(parts).description + " " + Timestamp.clockFace(parts)
    }

    /// RFC 3339 in the process's time zone, with its offset: `2026-11-20T04:04:05+01:00`.
    package var rfc3339Local: String {
        var value = time_t(seconds)
        var parts = tm()
        localtime_r(&value, &parts)
        // The offsets of local mean times have seconds, for which the format has no room.
        guard parts.tm_gmtoff % 60 == 0 else { return rfc3339 }
        return CivilDate(parts).description + "T" + Timestamp.clockFace(parts) + offset
    }

    /// How far the process's time zone is from UTC at this moment: `+01:00`.
    package var offset: String {
        var value = time_t(seconds)
        var parts = tm()
        localtime_r(&value, &parts)
        let minutes = abs(parts.tm_gmtoff) / 60
        let digits = [minutes / 60, minutes % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
        return (parts.tm_gmtoff < 0 ? "-" : "+") + digits
    }

    private static func clockFace(_ parts: tm) -> String {
        [parts.tm_hour, parts.tm_min, parts.tm_sec].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
    }
}

extension Timestamp {
    /// Reads what ``rfc3339`` writes.
    package init?(rfc3339 text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 20, bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"),
            bytes[16] == UInt8(ascii: ":"), bytes[19] == UInt8(ascii: "Z"),
            let date = CivilDate(String(decoding: bytes[..<10], as: UTF8.self)),
            let hour = Timestamp.twoDigits(bytes[11...12]), hour < 24,
            let minute = Timestamp.twoDigits(bytes[14...15]), minute < 60,
            let second = Timestamp.twoDigits(bytes[17...18]), second < 61
        else { return nil }
        self.init(seconds: Int64(date.dayNumber) * 86_400 + hour * 3_600 + minute * 60 + second)
    }

    private static func twoDigits(_ bytes: ArraySlice<UInt8>) -> Int64? {
        guard bytes.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(String(decoding: bytes, as: UTF8.self))
    }
}
