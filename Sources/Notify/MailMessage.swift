import Platform

/// A text mail (RFC 5322, MIME).
struct MailMessage {
    let from: String
    let to: [String]
    let subject: String
    let body: String
    let date: Timestamp
    /// Makes the Message-ID one of its own.
    let id: String
    /// Whether a machine should take it for urgent.
    let isUrgent: Bool

    /// Lines end with CRLF; no line is longer than SMTP takes.
    var bytes: [UInt8] {
        var lines = [
            "Date: \(Self.date(date))",
            "From: coldchain <\(from)>",
            "To: \(to.joined(separator: ",\r\n "))",
            "Message-ID: <\(id)@\(from.split(separator: "@").last.map(String.init) ?? "localhost")>",
            "Subject: \(Self.encoded(subject))",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=UTF-8",
            "Content-Transfer-Encoding: quoted-printable",
        ]
        if isUrgent { lines.append("Importance: high") }
        let head = lines.joined(separator: "\r\n") + "\r\n\r\n"
        return Array(head.utf8) + Self.quotedPrintable(Array(body.utf8))
    }

    /// RFC 5322, 3.3, in UTC.
    static func date(_ moment: Timestamp) -> String {
        let text = moment.rfc3339
        let day = CivilDate(dayNumber: Int((Double(moment.seconds) / 86_400).rounded(.down)))
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        // 1970-01-01 was a Thursday.
        let names = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let name = names[((day.dayNumber % 7) + 7) % 7]
        let clock = text.dropFirst(11).prefix(8)
        return "\(name), \(day.day) \(months[day.month - 1]) \(day.year) \(clock) +0000"
    }

    /// A header's text: as it is where it is printable ASCII, else in encoded words (RFC 2047).
    static func encoded(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) && text.utf8.count <= 900 { return text }
        var words: [String] = []
        var word = ""
        for character in text.prefix(400) {
            var letter = ""
            for byte in String(character).utf8 {
                let isPlain =
                    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                letter += isPlain ? String(UnicodeScalar(byte)) : "=" + hex(byte)
            }
            // An encoded word has 75 characters at the most, and no character is divided.
            if word.utf8.count + letter.utf8.count > 60 {
                words.append(word)
                word = ""
            }
            word += letter
        }
        words.append(word)
        return words.map { "=?UTF-8?Q?\($0)?=" }.joined(separator: "\r\n ")
    }

    /// RFC 2045, 6.7.
    static func quotedPrintable(_ text: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var column = 0
        func atLineEnd(_ index: Int) -> Bool { index + 1 == text.count || text[index + 1] == 0x0A }
        for (index, byte) in text.enumerated() {
            if byte == 0x0A {
                out += [0x0D, 0x0A]
                column = 0
                continue
            }
            let isBlank = byte == 0x20 || byte == 0x09
            // A dot that begins a line is doubled by libcurl; encoding it does no harm and helps readers of raw mails.
            let isPlain =
                (byte > 0x20 && byte < 0x7F && byte != 0x3D && !(byte == 0x2E && column == 0))
                || (isBlank && !atLineEnd(index))
            let piece: [UInt8] = isPlain ? [byte] : Array(("=" + hex(byte)).utf8)
            if column + piece.count > 75 {
                out += [0x3D, 0x0D, 0x0A]
                column = 0
            }
            out += piece
            column += piece.count
        }
        if column > 0 { out += [0x0D, 0x0A] }
        return out
    }

    private static func hex(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return digits.utf8.count == 1 ? "0" + digits : digits
    }
}
