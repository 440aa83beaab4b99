package import HTTP
package import Logging
package import Platform
import Settings

/// Mails a notice.
///
/// An address that the server refuses is logged, and keeps the others from nothing.
package struct MailChannel: NoticeChannel {
    package let name: String
    private let client: SMTPClient
    private let from: String
    private let to: [String]
    private let clock: Clock
    private let log: Logger

    /// A channel.
    ///
    /// - Parameters:
    ///   - name: the name in the settings.
    ///   - client: the server.
    ///   - from: the sender's address.
    ///   - to: addresses.
    ///   - clock: what the mail is dated by.
    ///   - log: is told of addresses that the server refuses.
    package init(name: String, client: SMTPClient, from: String, to: [String], clock: Clock, log: Logger) {
        self.name = name
        self.client = client
        self.from = from
        self.to = to
        self.clock = clock
        self.log = log
    }

    package func send(_ notice: Notice) throws(Fault) {
        let text = NoticeText(notice, bytes: Figure.bytes)
        let message = MailMessage(
            from: from, to: to, subject: text.subject, body: text.body, date: clock.now(), id: notice.id,
            isUrgent: notice.tier == .critical)
        for (address, fault) in try client.send(message.bytes, from: from, to: to) {
            log.warning("channel \(name): not to \(address): \(fault)")
        }
    }
}
