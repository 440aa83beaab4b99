import Platform
import Settings
import Testing

struct ChannelSettingsTests {
    private static func mail(_ lines: String...) -> String {
        (["[notify.channel.m]", "kind = \"mail\"", "to = [\"a@example.net\"]"] + lines).joined(separator: "\n")
    }

    private static let login = "user = \"u\"\npassword = { env = \"P\" }"

    @Test(
        "What is asked of a mail server's connection",
        arguments: [
            ([], "opportunistic"), (["tls = \"never\""], "never"), (["tls = \"required\""], "required"),
            ([login], "required"), ([login, "tls = \"required\""], "required"),
            ([login, "server = \"smtps://mail.example.net\"", "tls = \"opportunistic\""], "opportunistic"),
        ] as [([String], String)])
    func encryption(lines: [String], expected: String) throws {
        try Samples.withFolder(["coldchain.toml": ([Self.mail()] + lines).joined(separator: "\n")]) { folder in
            let channels = try Configuration.load("\(folder)/coldchain.toml", environment: [:]).channels
            guard case .mail(let mail) = channels["m"]?.kind else {
                Issue.record("\(channels)")
                return
            }
            #expect(mail.encryption.rawValue == expected)
        }
    }

    @Test(
        "A password that would go in clear, and a mail to nobody, are refused",
        arguments: [
            (
                mail(login, "tls = \"never\""),
                "6:7: 'notify.channel.m.tls': \"never\" may send the password in clear"
            ),
            (
                mail("tls = \"opportunistic\"", login),
                "4:7: 'notify.channel.m.tls': \"opportunistic\" may send the password in clear"
            ),
            (
                "[notify.channel.m]\nkind = \"mail\"\nto = []",
                "3:6: 'notify.channel.m.to': expected a list of addresses"
            ),
        ])
    func refused(text: String, message: String) throws {
        try Samples.withFolder(["coldchain.toml": text]) { folder in
            let path = "\(folder)/coldchain.toml"
            let fault = try Samples.fault { try Configuration.load(path, environment: [:]) }
            #expect(fault.message.hasPrefix("\(path):\(message)"), "\(fault.message)")
        }
    }
}
