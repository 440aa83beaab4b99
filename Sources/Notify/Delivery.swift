import AWS
import HTTP
package import Logging
package import Platform
package import Settings

/// Tells a notice to channels, each for itself and all at once: one that can't be told, or hangs, holds back no other.
package struct Delivery: Sendable {
    private let channels: [any NoticeChannel]
    private let retrying: Retrying
    private let log: Logger

    /// A delivery.
    ///
    /// - Parameters:
    ///   - channels: whom to tell.
    ///   - backoff: how long each channel is tried.
    ///   - pace: the time, as tests may give it.
    ///   - log: is told of what was not told.
    package init(
        _ channels: [any NoticeChannel], backoff: Backoff,
        pace: Pace = .system, log: Logger
    ) {
        self.channels = channels
        retrying = Retrying(backoff: backoff, pace: pace)
        self.log = log
    }

    /// Tells it.
    ///
    /// - Returns: the names of the channels that could not be told.
    package func send(_ notice: Notice) -> [String] {
        let failed = Monitor<Set<String>>([])
        let crew = ThreadCrew()
        for channel in channels {
            let work: @Sendable () -> Void = {
                if !tell(notice, channel) { failed.with { _ = $0.insert(channel.name) } }
            }
            // Without a thread it is told all the same, only later.
            do { try crew.start("notify", work) } catch { work() }
        }
        // What a channel throws is told already.
        try? crew.join()
        let names = failed.with { $0 }
        return channels.map(\.name).filter(names.contains)
    }

    private func tell(_ notice: Notice, _ channel: any NoticeChannel) -> Bool {
        do throws(Fault) {
            try retrying.run { (_) throws(Fault) in try channel.send(notice) }
            log.debug("channel \(channel.name): told of \(notice.event.rawValue)")
            return true
        } catch {
            log.warning("channel \(channel.name): \(error)", metadata: error.hint.map { ["hint": .string($0)] })
            return false
        }
    }
}

extension ChannelSettings {
    /// Makes the channel; secrets are read now.
    ///
    /// - Parameters:
    ///   - sender: the mail address of this account.
    ///   - clock: what mails are dated by.
    ///   - log: gets one line for each request at level debug.
    /// - Returns: the channel.
    /// - Throws: `settings` for a secret that can't be read.
    package func channel(sender: String, clock: Clock, log: Logger) throws(Fault) -> any NoticeChannel {
        switch kind {
        case .mail(let mail):
            let encryption: SMTPClient.Encryption =
                switch mail.encryption {
                case .opportunistic: .opportunistic
                case .required: .required
                case .never: .never
                }
            let client = SMTPClient(
                server: mail.server, encryption: encryption, certificates: mail.caFile, user: mail.user,
                password: try mail.password?.read())
            return MailChannel(
                name: name, client: client, from: mail.from ?? sender, to: mail.to, clock: clock, log: log)
        case .slack(let url):
            return WebhookChannel(name: name, client: Self.client(), url: try url.read(), form: .text)
        case .webhook(let url, let token):
            return WebhookChannel(
                name: name, client: Self.client(), url: try url.read(), token: try token?.read(), form: .notice)
        case .ping(let url): return PingChannel(name: name, client: Self.client(), url: try url.read())
        case .cloudWatch(let settings):
            var connections = HTTPSettings(userAgent: "coldchain")
            connections.totalTimeout = 60
            connections.certificates = settings.caFile
            let http = HTTPClient(connections, log: log)
            let chain = CredentialChain(
                CredentialSettings(profile: settings.profile, roleARN: settings.roleARN, region: settings.region),
                http: http, clock: clock, log: log)
            guard let region = try chain.region() ?? (settings.endpoint == nil ? nil : "us-east-1") else {
                throw Fault(
                    .settings, "no region is set",
                    hint: "Write region = \"eu-central-1\" into the channel's table, or set AWS_REGION.")
            }
            let client = try CloudWatchClient(
                region: region, endpoint: settings.endpoint, http: http, credentials: chain.source(), clock: clock)
            return CloudWatchChannel(name: name, client: client, namespace: settings.namespace, clock: clock)
        case .textfile(let directory): return TextfileChannel(name: name, directory: directory)
        }
    }

    /// Without a log: addresses are secrets here.
    private static func client() -> HTTPClient {
        var settings = HTTPSettings(userAgent: "coldchain")
        settings.totalTimeout = 60
        return HTTPClient(settings)
    }
}
