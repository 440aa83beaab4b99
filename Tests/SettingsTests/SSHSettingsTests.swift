import Settings
import Testing

struct SSHSettingsTests {
    @Test("What the administrator says comes before what we say, since ssh takes the first")
    func order() throws {
        let ssh = SSHSettings(
            user: "backup", port: 2222, options: ["ProxyJump=bastion", "-F/etc/coldchain/ssh_config", "BatchMode=no"],
            bind: "10.9.0.5", address: "10.1.2.3")
        let arguments = ssh.arguments(for: "siem01")
        #expect(arguments.prefix(3) == ["-oProxyJump=bastion", "-F/etc/coldchain/ssh_config", "-oBatchMode=no"])
        #expect(arguments.suffix(4) == ["-s", "--", "10.1.2.3", "sftp"])
        for option in ["-oUser=backup", "-oPort=2222", "-oBindAddress=10.9.0.5"] { #expect(arguments.contains(option)) }
        for option in ["-oStrictHostKeyChecking=yes", "-oConnectTimeout=20", "-oServerAliveInterval=15"] {
            #expect(arguments.contains(option))
        }
        let ours = try #require(arguments.lastIndex(of: "-oBatchMode=yes"))
        #expect(ours > 2)
    }

    @Test(
        "An interface is bound to as one, an address as one",
        arguments: [("eth1", "-oBindInterface=eth1"), ("fd00::1", "-oBindAddress=fd00::1")])
    func bind(_ text: String, _ option: String) {
        #expect(SSHSettings(bind: text).arguments(for: "h").contains(option))
    }

    @Test("Without settings the host is what ssh is told")
    func plain() { #expect(SSHSettings().arguments(for: "h1").suffix(3) == ["--", "h1", "sftp"]) }
}
