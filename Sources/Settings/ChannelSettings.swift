package import Platform

/// One `[notify.channel.NAME]`: a way to tell people or machines how a stage ended.
package struct ChannelSettings: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case mail(Mail)
        /// Gets `{"text": ...}`, as Slack, Mattermost and others take it.
        case slack(SecretSource)
        /// Gets the whole notice as JSON.
        case webhook(url: SecretSource, token: SecretSource?)
        /// A dead man's switch: an address that is asked for, with `/start` or `/fail` behind it.
        case ping(SecretSource)
        /// A directory whose `*.prom` files Prometheus's node_exporter reads.
        case textfile(directory: String)
        /// Figures in Amazon CloudWatch.
        case cloudWatch(CloudWatch)
    }

    package struct CloudWatch: Hashable, Sendable {
        package var namespace: String
        /// Nothing for what the environment or the profile says.
        package var region: String?
        package var profile: String?
        package var roleARN: String?
        /// Another server than that of the region.
        package var endpoint: String?
        package var caFile: String?

        package init(
            namespace: String, region: String? = nil, profile: String? = nil, roleARN: String? = nil,
            endpoint: String? = nil, caFile: String? = nil
        ) {
            self.namespace = namespace
            self.region = region
            self.profile = profile
            self.roleARN = roleARN
            self.endpoint = endpoint
            self.caFile = caFile
        }
    }

    package struct Mail: Hashable, Sendable {
        /// What is asked of the connection.
        package enum Encryption: String, CaseIterable, Sendable {
            /// TLS where the server offers it; not with a user.
            case opportunistic
            /// TLS or no mail.
            case required
            case never
        }

        package var to: [String]
        /// The sender; made of account and host where it is left out.
        package var from: String?
        /// `smtp://HOST[:PORT]` or `smtps://HOST[:PORT]`.
        package var server: String
        package var encryption: Encryption
        package var caFile: String?
        package var user: String?
        package var password: SecretSource?
    }

    package var name: String
    package var kind: Kind

    /// Whether people read what it tells; machines want to know how things stand now, and nothing of yesterday.
    package var isForPeople: Bool {
        switch kind {
        case .mail, .slack, .webhook: true
        case .ping, .textfile, .cloudWatch: false
        }
    }

    package static let kinds = ["cloudwatch", "mail", "ping", "slack", "textfile", "webhook"]

    /// Looks whether the secrets are where the settings say.
    ///
    /// - Parameter variable: gives a variable of the environment.
    /// - Returns: what could not be looked at: a credential, outside of a unit of systemd.
    /// - Throws: `settings` naming the place.
    package func checkSecrets(_ variable: (String) -> String? = SecretSource.environmentVariable) throws(Fault)
        -> String?
    {
        let sources: [SecretSource?] =
            switch kind {
            case .mail(let mail): [mail.password]
            case .slack(let url), .ping(let url): [url]
            case .webhook(let url, let token): [url, token]
            case .textfile, .cloudWatch: []
            }
        var unseen: [String] = []
        for case let source? in sources {
            if case .credential = source, (variable("CREDENTIALS_DIRECTORY") ?? "").isEmpty {
                unseen.append(source.description)
            } else {
                _ = try source.read(variable)
            }
        }
        return unseen.isEmpty ? nil : "\(unseen.joined(separator: " and ")) not looked at: the units alone have it"
    }

    /// Reads the table of a channel; gives nothing after noting a problem.
    static func read(_ name: String, _ table: TomlTable) -> ChannelSettings? {
        defer { table.refuseUnknownKeys() }
        guard let kind = table.string("kind") else {
            if !table.has("kind") { table.missing("kind", hint: "One of \(kinds.joined(separator: ", ")).") }
            // Which keys there are depends on the kind.
            for key in Self.keys { _ = table.element(key) }
            return nil
        }
        switch kind {
        case "mail": return readMail(table).map { ChannelSettings(name: name, kind: .mail($0)) }
        case "slack": return address(table).map { ChannelSettings(name: name, kind: .slack($0)) }
        case "webhook":
            let token = table.secret("token")
            return address(table).map { ChannelSettings(name: name, kind: .webhook(url: $0, token: token)) }
        case "ping": return address(table).map { ChannelSettings(name: name, kind: .ping($0)) }
        case "textfile":
            guard let directory = table.absolutePath("directory") else {
                if !table.has("directory") { table.missing("directory", hint: "Write directory = \"/PATH\".") }
                return nil
            }
            return ChannelSettings(name: name, kind: .textfile(directory: directory))
        case "cloudwatch": return ChannelSettings(name: name, kind: .cloudWatch(readCloudWatch(table)))
        default:
            table.problem(
                "kind", "expected one of \(kinds.joined(separator: ", ")), found \(quoted(kind))",
                hint: NearestName.of(kind, among: kinds).map { "Did you mean \"\($0)\"?" })
            for key in Self.keys { _ = table.element(key) }
            return nil
        }
    }

    private static let keys = [
        "url", "token", "directory", "to", "from", "server", "tls", "ca_file", "user", "password", "namespace",
        "region",
        "profile", "role_arn", "endpoint",
    ]

    private static func address(_ table: TomlTable) -> SecretSource? {
        if !table.has("url") { table.missing("url", hint: "Write url = { file = \"/PATH\" }.") }
        return table.secret("url")
    }

    private static func readCloudWatch(_ table: TomlTable) -> CloudWatch {
        let namespace = table.string("namespace") ?? "coldchain"
        // What AWS/ begins with is the services' own.
        let isValid =
            (1...255).contains(namespace.utf8.count) && !namespace.hasPrefix("AWS/") && !namespace.hasPrefix(":")
            && namespace.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: ".-_/#:".utf8.contains(byte)
                }
            }
        if !isValid { table.problem("namespace", "\(quoted(namespace)) is no namespace of CloudWatch") }
        return CloudWatch(
            namespace: namespace, region: table.string("region"), profile: table.string("profile"),
            roleARN: table.string("role_arn"), endpoint: table.string("endpoint"), caFile: table.absolutePath("ca_file")
        )
    }

    private static func readMail(_ table: TomlTable) -> Mail? {
        if !table.has("to") { table.missing("to", hint: "Write to = [\"ops@example.net\"].") }
        let to = table.strings("to", #"a list of addresses such as ["ops@example.net"]"#)
        for (text, position) in to ?? [] where !isAddress(text) {
            table.add("\(quoted(text)) is no mail address", at: position)
        }
        let from = table.string("from")
        if let from, !isAddress(from) { table.problem("from", "\(quoted(from)) is no mail address") }
        let server = table.string("server") ?? "smtp://localhost"
        if !isServer(server) {
            table.problem("server", "expected \"smtp://HOST:PORT\" or \"smtps://HOST:PORT\", found \(quoted(server))")
        }
        let user = table.string("user")
        var encryption = user == nil ? Mail.Encryption.opportunistic : .required
        if let text = table.string("tls") {
            if let known = Mail.Encryption(rawValue: text) {
                encryption = known
                if user != nil, known != .required, server.hasPrefix("smtp://") {
                    table.problem(
                        "tls", "\(quoted(text)) may send the password in clear",
                        hint: "With a user write tls = \"required\", or leave it out.")
                }
            } else {
                let known = Mail.Encryption.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
                table.problem("tls", "expected one of \(known), found \(quoted(text))")
            }
        }
        let password = table.secret("password")
        if (user == nil) != (password == nil) {
            table.problem(user == nil ? "password" : "user", "user and password go together")
        }
        let caFile = table.absolutePath("ca_file")
        guard let to else { return nil }
        return Mail(
            to: to.map(\.text), from: from, server: server, encryption: encryption, caFile: caFile, user: user,
            password: password)
    }

    /// Enough to keep header lines and SMTP commands what they are; whether an address exists its server knows.
    static func isAddress(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty }
            && text.unicodeScalars.allSatisfy {
                $0.value > 0x20 && $0.value < 0x7F && !"<>(),;:\"\\".unicodeScalars.contains($0)
            }
    }

    private static func isServer(_ text: String) -> Bool {
        for scheme in ["smtp://", "smtps://"] where text.hasPrefix(scheme) {
            let rest = text.dropFirst(scheme.count)
            return !rest.isEmpty
                && rest.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value < 0x7F && $0 != "/" && $0 != "@" }
        }
        return false
    }
}
