package import HTTP
package import Platform
import Settings

/// Mails a notice.
package struct MailChannel: NoticeChannel {
    package let name: String
    private let client: SMTPClient
    private let from: String
    private let to: [String]
    private let clock: Clock

    /// A channel.
    ///
    /// - Parameters:
    ///   - name: the name in the settings.
    ///   - client: the server.
    ///   - from: the sender's address.
    ///   - to: addresses.
    ///   - clock: what the mail is dated by.
    package init(name: String, client: SMTPClient, from: String, to: [String], clock: Clock) {
        self.name = name
        self.client = client
        self.from = from
        self.to = to
        self.clock = clock
    }

    package func send(_ notice: Notice) throws(Fault) {
        let text = NoticeText(notice, bytes: Figure.bytes)
        let message = MailMessage(
            from: from, to: to, subject: text.subject, body: text.body, date: clock.now(), id: RandomID.make(),
            isUrgent: notice.tier == .critical)
        try client.send(message.bytes, from: from, to: to)
    }
}
