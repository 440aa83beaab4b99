import Platform
import Testing

@testable import Notify

struct MailMessageTests {
    private func message(_ subject: String, _ body: String) -> String {
        let message = MailMessage(
            from: "coldchain@vault1", to: ["a@example.net", "b@example.net"], subject: subject, body: body,
            date: Timestamp(seconds: 1_763_697_906), id: "0123", isUrgent: true)
        return String(decoding: message.bytes, as: UTF8.self)
    }

    @Test("a mail has its header, an empty line and its body") func whole() {
        let text = message("done", "one\ntwo\n")
        let expected =
            [
                "Date: Fri, 21 Nov 2025 04:05:06 +0000", "From: coldchain <coldchain@vault1>",
                "To: a@example.net,", " b@example.net", "Message-ID: <0123@vault1>", "Subject: done",
                "Auto-Submitted: auto-generated", "MIME-Version: 1.0", "Content-Type: text/plain; charset=UTF-8",
                "Content-Transfer-Encoding: quoted-printable", "Importance: high", "", "one", "two", "",
            ].joined(separator: "\r\n")
        #expect(text == expected)
    }

    @Test("no line of a name can make a header of its own") func injection() {
        let text = message("x\r\nBcc: evil@example.net", "body\n")
        #expect(!text.contains("\r\nBcc"))
    }

    @Test("a subject that is not ASCII is encoded in words that are short enough") func words() {
        let subject = String(repeating: "größe ", count: 30)
        let encoded = MailMessage.encoded(subject)
        for line in encoded.split(separator: "\r\n") {
            #expect(line.drop { $0 == " " }.utf8.count <= 75)
            #expect(line.utf8.allSatisfy { $0 < 0x80 })
        }
    }

    @Test(
        "quoted-printable",
        arguments: [
            ("a=b", "a=3Db\r\n"), ("ä", "=C3=A4\r\n"), ("end \n", "end=20\r\n"), (".\n", "=2E\r\n"), ("", ""),
            (String(repeating: "x", count: 80), String(repeating: "x", count: 75) + "=\r\nxxxxx\r\n"),
        ])
    func quotedPrintable(_ text: String, _ expected: String) {
        #expect(String(decoding: MailMessage.quotedPrintable(Array(text.utf8)), as: UTF8.self) == expected)
    }
}
