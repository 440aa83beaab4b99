import Codec
import Platform
import Settings
import Testing

struct JobSettingsTests {
    @Test("A job of the required keys has the defaults")
    func defaults() throws {
        let job = try Samples.read(Samples.job)
        #expect(job.kind == .hosts)
        #expect(job.vaults == [Samples.disk])
        #expect(job.timezone == "UTC")
        #expect(job.run == .yesterday)
        #expect(job.catchUp.days == 0)
        #expect(job.hosts.map(\.name) == ["h1"])
        #expect(job.hostsAtOnce == 4)
        #expect(job.hosts[0].path.description == "/mnt/{host}/{yyyy}{mm}{dd}")
        #expect(job.hosts[0].access == .mounted)
        #expect(job.isDated)
        #expect(!job.hosts[0].allowEmpty && job.hosts[0].ready == nil && job.hosts[0].checksums == nil)
        #expect(job.hosts[0].settle.seconds == 0 && job.hosts[0].streams == 2)
        #expect(job.bandwidth == nil && job.window == nil && job.sizeDrop == nil)
        #expect(job.limits == TreeLimitSettings())
        #expect(job.layout.description == "{tenant}/**")
        #expect(job.unmatched == .tenant("_unmatched"))
        #expect(job.archive.description == "{tenant}/{yyyy}/{mm}/{dd}/{host}")
        #expect(job.member.description == "{tenant}/{host}/{rest}")
        #expect(job.codec == .gzip)
        #expect(job.level == .balanced)
        #expect(job.fullEvery == nil)
        #expect(job.compression(forTenant: "acme") == Compression(.gzip, level: 6))
    }

    @Test("Every key is read")
    func everyKey() throws {
        let text = """
            kind = "hosts"
            copies = ["second", "disk"]
            timezone = "Europe/Berlin"
            run = "today"
            catch_up = "2 weeks"
            hosts = ["b", "a.example"]
            hosts_at_once = 1
            path = "file:///mnt/{host}"
            allow_empty = true
            ready = "_READY"
            settle = "10 min"
            source_checksums = "SHA256SUMS"
            streams_per_host = 3
            bandwidth = "400 MiB/s"
            window = "20:00-06:00"
            bind = "10.9.0.5"
            ssh = { user = "backup", port = 2222, options = ["ProxyJump=bastion"] }
            limits = { depth = 20, entries = 1000, bytes = "1 TiB" }
            layout = "{tenant}/{category}/*.log"
            unmatched = "tenant:misc"
            archive = "{category}/{tenant}"
            member = "{host}/{rest}"
            codec = "gzip"
            level = 12
            full_every = "30 days"
            [tenant.acme]
            level = "small"
            [tenant._unmatched]
            level = 1
            [tenant."%5Fx"]
            decommissioned = true
            [host."a.example"]
            path = "/srv/out"
            address = "10.1.2.3"
            ssh = { options = ["-F/etc/coldchain/ssh_config"] }
            ready = "DONE"
            [alarm]
            size_drop = "80%"
            """
        let job = try Samples.read(text, vaults: [Samples.disk, Samples.second])
        #expect(job.vaults == [Samples.second, Samples.disk])
        #expect(job.timezone == "Europe/Berlin")
        #expect(job.run == .today)
        #expect(job.catchUp.days == 14)
        #expect(job.hosts.map(\.name) == ["b", "a.example"])
        #expect(job.hostsAtOnce == 1)
        let (first, second) = (job.hosts[0], job.hosts[1])
        #expect(first.path.description == "/mnt/{host}" && first.access == .mounted)
        #expect(first.source(Samples.date) == "/mnt/b" && first.ready == "_READY" && first.streams == 3)
        #expect(first.settle.seconds == 600 && first.checksums == "SHA256SUMS")
        #expect(second.source(Samples.date) == "a.example:/srv/out" && second.ready == "DONE")
        guard case .ssh(let ssh) = second.access else {
            Issue.record("a path without file:// is read over SSH")
            return
        }
        #expect(ssh.user == "backup" && ssh.port == 2222 && ssh.bind == "10.9.0.5" && ssh.address == "10.1.2.3")
        #expect(ssh.options == ["-F/etc/coldchain/ssh_config"])
        #expect(job.bandwidth?.bytesPerSecond == 400 << 20 && job.window?.description == "20:00-06:00")
        #expect(job.limits.depth == 20 && job.limits.entries == 1_000 && job.limits.bytes?.bytes == 1 << 40)
        #expect(job.sizeDrop == 0.8 && job.decommissionedTenants == ["%5Fx"])
        #expect(!job.isDated)
        #expect(first.allowEmpty && second.allowEmpty)
        #expect(job.layout.description == "{tenant}/{category}/*.log")
        #expect(job.unmatched == .tenant("misc"))
        #expect(job.archive.description == "{category}/{tenant}")
        #expect(job.member.description == "{host}/{rest}")
        #expect(job.level == .number(12))
        #expect(job.fullEvery?.days == 30)
        #expect(
            ["acme", "_unmatched", "%5Fx", "other"].map { job.compression(forTenant: $0).level } == [9, 1, 12, 12])
    }

    @Test("A tenant may have a codec of its own, with the job's level where that is a word")
    func tenantCodecs() throws {
        func compressions(_ text: String) throws -> [Compression] {
            let job = try Samples.read(Samples.job + text)
            return ["acme", "globex", "other"].map { job.compression(forTenant: $0) }
        }
        let tenants = "\n[tenant.acme]\ncodec = \"xz\"\n[tenant.globex]\ncodec = \"none\""
        #expect(
            try compressions("level = \"small\"" + tenants)
                == [Compression(.xz, level: 6), Compression(.none, level: 0), Compression(.gzip, level: 9)])
        // A number counts the levels of its own codec.
        #expect(
            try compressions("level = 12" + tenants)
                == [Compression(.xz, level: 1), Compression(.none, level: 0), Compression(.gzip, level: 12)])
        #expect(
            try compressions("codec = \"xz\"\nlevel = 3" + tenants + "\n[tenant.other]\ncodec = \"gzip\"\nlevel = 2")
                == [Compression(.xz, level: 3), Compression(.none, level: 0), Compression(.gzip, level: 2)])
    }

    @Test("Other values of a key are read")
    func values() throws {
        #expect(try Samples.read(Samples.job + "vault = \"disk\"").vaults == [Samples.disk])
        #expect(try Samples.read(Samples.job + "copies = [\"disk\"]").vaults == [Samples.disk])
        #expect(try Samples.read(Samples.job + "level = \"fast\"").level == .named(.fast))
        #expect(try Samples.read(Samples.job + "hosts_at_once = 1024").hostsAtOnce == 1_024)
        #expect(try Samples.read(Samples.job + "catch_up = \"48 h\"").catchUp.days == 2)
    }

    @Test("What is unmatched may fail, be skipped, or go to a tenant of ours")
    func unmatched() throws {
        let rules = try ["fail", "skip", "tenant:_other", "tenant:a"].map {
            try Samples.read(Samples.job + "unmatched = \"\($0)\"").unmatched
        }
        #expect(rules == [.fail, .skip, .tenant("_other"), .tenant("a")])
    }

    @Test(
        "The default member names what the layout captures",
        arguments: [
            ("layout = \"{tenant}/{category}/**\"", "{tenant}/{category}/{host}/{rest}"),
            ("layout = \"**\"\narchive = \"{host}\"", "{host}/{rest}"),
            ("layout = \"{category}/**\"\narchive = \"{host}\"", "{category}/{host}/{rest}"),
        ])
    func member(_ lines: String, _ member: String) throws {
        #expect(try Samples.read(Samples.job + lines).member.description == member)
    }

    @Test("The source of a host is the path with its host and date")
    func sourcePath() throws {
        let job = try Samples.read(Samples.job)
        #expect(job.hosts[0].sourcePath(Samples.date) == "/mnt/h1/20261120")
        let early = try #require(CivilDate(year: 2026, month: 1, day: 2))
        #expect(job.hosts[0].sourcePath(early) == "/mnt/h1/20260102")
    }

    @Test(
        "What is wrong in a line is told with line and column",
        arguments: [
            ("retenion = 1", "5:1: unknown key 'retenion'", "Did you mean 'retention'?"),
            ("hosts_at_onec = 1", "5:1: unknown key 'hosts_at_onec'", "Did you mean 'hosts_at_once'?"),
            ("ready = \"a/b\"", "5:9: 'ready': expected the name of a file at the top of the tree, found \"a/b\"", nil),
            ("settle = \"soon\"", "5:10: 'settle': expected a period such as \"10 min\", found \"soon\"", nil),
            ("bandwidth = \"1 MiB\"", "5:13: 'bandwidth': expected a rate such as \"400 MiB/s\", found", nil),
            ("window = \"20-6\"", "5:10: 'window': expected a part of the day such as \"20:00-06:00\", found", nil),
            ("ssh = \"backup\"", "5:7: 'ssh': expected a table { ... }, found \"backup\"", nil),
            ("ssh = { usr = \"x\" }", "5:9: unknown key 'ssh.usr'", "Did you mean 'ssh.user'?"),
            ("ssh = { port = 0 }", "5:16: 'ssh.port': expected a number from 1 to 65535, found 0", nil),
            ("limits = { depth = 0 }", "5:20: 'limits.depth': expected a number from 1 to 4096, found 0", nil),
            ("[alarm]\nsize_drop = 80", "6:13: 'alarm.size_drop': expected a share such as \"80%\", found 80", nil),
            ("[host.h2]", "5:7: host 'h2': 'hosts' has no such host", "Did you mean [host.\"h1\"]?"),
            ("[host.h1]\ndecommissioned = true", "2:9: all hosts are decommissioned", nil),
            ("vault = \"dsik\"", "5:9: 'vault': unknown vault \"dsik\"; known are disk", "Did you mean \"disk\"?"),
            ("vault = 1", "5:9: 'vault': expected the name of a vault, found 1", nil),
            ("copies = []", "5:10: 'copies': expected a list of vaults, found an empty array", nil),
            ("copies = \"disk\"", "5:10: 'copies': expected a list of vaults, found \"disk\"", nil),
            ("copies = [\"disk\", 1]", "5:19: 'copies': expected a string, found 1", nil),
            ("copies = [\"disk\",\n \"disk\"]", "6:2: 'copies': \"disk\" stands there twice", nil),
            (
                "copies = [\"disk\", \"x\"]", "5:19: 'copies': unknown vault \"x\"; known are disk",
                "Vaults are the tables [vault.NAME] of coldchain.toml."
            ),
            (
                "vault = \"disk\"\ncopies = [\"disk\"]", "6:10: 'copies': can't stand beside 'vault'",
                "Name all vaults in 'copies' alone."
            ),
            ("timezone = 1", "5:12: 'timezone': expected a string, found 1", nil),
            ("run = \"tomorrow\"", "5:7: 'run': expected \"yesterday\" or \"today\", found \"tomorrow\"", nil),
            ("run = true", "5:7: 'run': expected \"yesterday\" or \"today\", found true", nil),
            ("catch_up = 14", "5:12: 'catch_up': expected a period such as \"14 days\", found 14", nil),
            ("catch_up = \"x\"", "5:12: 'catch_up': expected a period such as \"14 days\", found \"x\"", nil),
            ("catch_up = \"1 h\"", "5:12: 'catch_up': expected whole days, found \"1 h\"", nil),
            ("hosts_at_once = 0", "5:17: 'hosts_at_once': expected a number from 1 to 1024, found 0", nil),
            ("hosts_at_once = 1025", "5:17: 'hosts_at_once': expected a number from 1 to 1024, found 1025", nil),
            ("hosts_at_once = 1.5", "5:17: 'hosts_at_once': expected a number from 1 to 1024, found 1.5", nil),
            ("allow_empty = \"no\"", "5:15: 'allow_empty': expected true or false, found \"no\"", nil),
            ("layout = 1", "5:10: 'layout': expected a string, found 1", nil),
            (
                "layout = \"{tenat}/**\"", "5:10: 'layout': column 1: unknown variable '{tenat}'",
                "Did you mean '{tenant}'?"
            ),
            ("unmatched = 1", "5:13: 'unmatched': expected a string, found 1", nil),
            (
                "unmatched = \"drop\"",
                "5:13: 'unmatched': expected \"tenant:NAME\", \"fail\" or \"skip\", found \"drop\"", nil
            ),
            ("unmatched = \"tenant:\"", "5:13: 'unmatched': \"\" can't name a tenant", nil),
            ("unmatched = \"tenant:__x\"", "5:13: 'unmatched': \"__x\" can't name a tenant", nil),
            ("unmatched = \"tenant:a/b\"", "5:13: 'unmatched': \"a/b\" can't name a tenant", nil),
            ("unmatched = \"tenant:_ledger\"", "5:13: 'unmatched': \"_ledger\" can't name a tenant", nil),
            (
                "archive = \"{tenat}\"", "5:11: 'archive': column 1: unknown variable '{tenat}'",
                "Did you mean '{tenant}'?"
            ),
            ("archive = \"{rest}\"", "5:11: 'archive': column 1: variable '{rest}' can't stand here", "*"),
            (
                "archive = \"a/{category}\"", "5:11: 'archive': uses {category}, which 'layout' does not capture",
                "Write {category} into 'layout', or leave it out of 'archive'."
            ),
            ("archive = \"\"", "5:11: 'archive': has an empty component", nil),
            ("archive = \"/{tenant}\"", "5:11: 'archive': must not begin with '/'", nil),
            ("archive = \"{tenant}/\"", "5:11: 'archive': has an empty component", nil),
            ("archive = \"{tenant}//{host}\"", "5:11: 'archive': has an empty component", nil),
            ("archive = \"{tenant}/../x\"", "5:11: 'archive': has '.' or '..' as a component", nil),
            ("archive = \"./{tenant}\"", "5:11: 'archive': has '.' or '..' as a component", nil),
            (
                "archive = \"_ledger/{tenant}\"", "5:11: 'archive': a component must not begin with '_'",
                "Such names are coldchain's own."
            ),
            (
                "archive = \"{tenant}/{yyyy}\"", "5:11: 'archive': has a part of the date only",
                "Write {yyyy}, {mm} and {dd}, or none."
            ),
            (
                "member = \"{category}/{rest}\"", "5:10: 'member': uses {category}, which 'layout' does not capture",
                "Write {category} into 'layout', or leave it out of 'member'."
            ),
            ("member = \"\"", "5:10: 'member': has an empty component", nil),
            ("member = \"/{rest}\"", "5:10: 'member': must not begin with '/'", nil),
            ("member = \"../{rest}\"", "5:10: 'member': has '.' or '..' as a component", nil),
            ("member = \"{rest\"", "5:10: 'member': column 1: '{' has no '}' behind it", nil),
            ("member = [1]", "5:10: 'member': expected a string, found an array", nil),
            (
                "codec = \"zip\"", "5:9: 'codec': expected \"gzip\" or \"xz\" or \"none\", found \"zip\"", nil
            ),
            (
                "codec = \"xz\"\nlevel = 12",
                "6:9: 'level': expected \"fast\", \"balanced\", \"small\" or a number from 1 to 9, found 12", nil
            ),
            ("max_archive = \"1 KiB\"", "5:15: 'max_archive': expected at least 1 MiB", nil),
            ("codec = \"none\"\nlevel = 1", "6:9: 'level': has no meaning with codec \"none\"", nil),
            (
                "[tenant.acme]\ncodec = \"xz\"\nlevel = 10",
                "7:9: 'tenant.acme.level': expected \"fast\", \"balanced\", \"small\" or a number from 1 to 9", nil
            ),
            (
                "level = \"best\"",
                "5:9: 'level': expected \"fast\", \"balanced\", \"small\" or a number from 1 to 12, found \"best\"", nil
            ),
            (
                "level = 13",
                "5:9: 'level': expected \"fast\", \"balanced\", \"small\" or a number from 1 to 12, found 13", nil
            ),
            (
                "full_every = \"30 days\"", "5:14: 'full_every': has no meaning where 'path' carries a date",
                "Each day's tree is stored whole; remove 'full_every'."
            ),
            ("tenant = 1", "5:10: 'tenant': expected tables [tenant.NAME], found 1", nil),
            ("[tenant.acme]\nlevel = 0", "6:9: 'tenant.acme.level': expected \"fast\", \"balanced\"", nil),
            (
                "[tenant.acme]\nlevle = 1", "6:1: unknown key 'tenant.acme.levle'",
                "Did you mean 'tenant.acme.level'?"
            ),
            (
                "[tenant.\"a b\"]", "5:9: tenant 'a b': not the name of a tenant",
                "Its name in archives is \"a%20b\"."
            ),
            (
                "layout = \"**\"", "5:10: 'layout': does not capture {tenant}, which 'archive' uses by default",
                "Write {tenant} into 'layout', or leave it out of 'archive'."
            ),
        ] as [(String, String, String?)])
    func problems(_ lines: String, _ message: String, _ hint: String?) throws {
        try Self.expect(Samples.job + lines, message, hint)
    }

    @Test(
        "A time zone must be one of the zone database",
        arguments: ["", "Berlin", "Europe", "europe/berlin", "../../../etc/passwd", "tzdata.zi", "/etc/localtime"])
    func timeZones(_ name: String) throws {
        try Self.expect(
            Samples.job + "timezone = \"\(name)\"", "5:12: 'timezone': unknown time zone \"\(name)\"",
            "Use a name from /usr/share/zoneinfo, such as \"Europe/Berlin\" or \"UTC\".")
    }

    @Test(
        "What is wrong in the required keys is told with line and column",
        arguments: [
            ("hosts = [\"a\"]\npath = \"file:///a\"", "1:1: missing key 'kind'", "Write kind = \"hosts\"."),
            ("kind = 1\nhosts = [\"a\"]\npath = \"file:///a\"", "1:8: 'kind': expected a string, found 1", nil),
            (
                "kind = \"host\"\nhosts = [\"a\"]\npath = \"file:///a\"",
                "1:8: 'kind': expected \"hosts\" or \"warehouse\", found \"host\"", nil
            ),
            ("kind = \"hosts\"\npath = \"file:///a\"", "1:1: missing key 'hosts'", "Write hosts = [\"NAME\"]."),
            (
                "kind = \"hosts\"\nhosts = [\"a\"]", "1:1: missing key 'path'",
                "Write path = \"/PATH\" for SSH, or \"file:///PATH\" for a mounted tree."
            ),
            (
                "kind = \"hosts\"\nhosts = []\npath = \"file:///a\"",
                "2:9: 'hosts': expected a list of host names, found an empty array", nil
            ),
            (
                "kind = \"hosts\"\nhosts = \"a\"\npath = \"file:///a\"",
                "2:9: 'hosts': expected a list of host names, found \"a\"", nil
            ),
            (
                "kind = \"hosts\"\nhosts = [\"a\", \"b c\"]\npath = \"file:///{host}\"",
                "2:15: 'hosts': \"b c\" is no host name", nil
            ),
            (
                "kind = \"hosts\"\nhosts = [\"a\", \"a\"]\npath = \"file:///{host}\"",
                "2:15: 'hosts': \"a\" stands there twice", nil
            ),
            (
                "kind = \"hosts\"\nhosts = [\"a\"]\npath = \"var/log\"",
                "3:8: 'path': must begin with '/'",
                "\"/PATH\" is read over SSH, \"file:///PATH\" from a tree that is mounted here."
            ),
            (
                "kind = \"hosts\"\nhosts = [\"a\"]\npath = \"file://mnt\"",
                "3:8: 'path': the part behind \"file://\" must begin with '/'", nil
            ),
            (
                "kind = \"hosts\"\nhosts = [\"a\"]\npath = \"file:///mnt/../x\"",
                "3:8: 'path': the part behind \"file://\" has '.' or '..' as a component", nil
            ),
            (
                "kind = \"hosts\"\nhosts = [\"a\"]\npath = \"file:///{tenant}\"",
                "3:8: 'path': column 9: variable '{tenant}' can't stand here",
                "Variables here are {host}, {yyyy}, {mm}, {dd}."
            ),
            (
                "kind = \"hosts\"\nhosts = [\"a\"]\npath = \"file:///{yyyy}\"",
                "3:8: 'path': has a part of the date only", "Write {yyyy}, {mm} and {dd}, or none."
            ),
            (
                "kind = \"hosts\"\nhosts = [\"a\", \"b\"]\npath = \"file:///mnt\"",
                "3:8: 'path': several hosts, but 'path' does not contain {host}", nil
            ),
            (
                "kind = \"hosts\"\nhosts = [\"a\"]\npath = \"file:///mnt\"\nfull_every = \"0 days\"",
                "4:14: 'full_every': expected at least 1 day", nil
            ),
            (
                """
                kind = "hosts"
                hosts = ["a", "b"]
                path = "file:///mnt/{host}"
                archive = "{tenant}"
                member = "{rest}"
                """,
                "2:9: several hosts, but neither 'archive' nor 'member' contains {host}",
                "Files of two hosts could meet on one name; write {host} into one of the two."
            ),
        ] as [(String, String, String?)])
    func required(_ text: String, _ message: String, _ hint: String?) throws {
        try Self.expect(text, message, hint)
    }

    @Test("A wrong kind hides nothing else that is wrong")
    func wrongKind() throws {
        let text = "kind = \"host\"\nhosts = [\"a\"]\npath = \"file:///a\"\ncatch_up = \"soon\"\nlayuot = \"x\"\n"
        let fault = try Samples.fault { try Samples.read(text) }
        let lines = fault.message.split(separator: "\n").map { $0.dropFirst("jobs.d/siem.toml:".count) }
        #expect(lines.map { $0.prefix(4) } == ["1:8:", "4:12", "5:1:"], "\(fault.message)")
    }

    @Test(
        "Several hosts are fine as soon as one name contains the host",
        arguments: ["archive = \"{tenant}\"", "member = \"{rest}\""])
    func severalHosts(_ line: String) throws {
        let text = "kind = \"hosts\"\nhosts = [\"a\", \"b\"]\npath = \"file:///mnt/{host}\"\n" + line
        #expect(try Samples.read(text).hosts.map(\.name) == ["a", "b"])
    }

    @Test(
        "Ranges stand for hosts in order",
        arguments: [
            ("siem[08-11].dc", ["siem08.dc", "siem09.dc", "siem10.dc", "siem11.dc"]),
            ("db[1-3,7]", ["db1", "db2", "db3", "db7"]), ("r[1-2]n[1-2]", ["r1n1", "r1n2", "r2n1", "r2n2"]),
            ("one", ["one"]), ("x[5]", ["x5"]),
        ])
    func hostRanges(_ range: String, _ names: [String]) throws {
        let text = "kind = \"hosts\"\nhosts = [\"\(range)\"]\npath = \"/out/{yyyy}{mm}{dd}\"\n"
        #expect(try Samples.read(text).hosts.map(\.name) == names)
    }

    @Test(
        "A wrong range is told",
        arguments: [
            ("a[2-1]", "the range '2-1' runs backwards"), ("a[1-", "'[' has no ']' behind it"),
            ("a]1", "']' has no '[' before it"), ("a[x]", "'x' is no number and no range such as 01-24"),
            ("a[1-99999]", "stands for more than 10000 hosts"),
            ("a[1-200]b[1-200]", "stands for more than 10000 hosts"),
        ])
    func wrongRanges(_ range: String, _ message: String) throws {
        let text = "kind = \"hosts\"\nhosts = [\"\(range)\"]\npath = \"/out\"\nfull_every = \"9 days\"\n"
        let fault = try Samples.fault { try Samples.read(text) }
        #expect(fault.message.contains(message), "\(fault.message)")
    }

    @Test("Paths have a date on all hosts, or on none")
    func mixedDates() throws {
        let text =
            "kind = \"hosts\"\nhosts = [\"a[1-2]\"]\npath = \"/out/{yyyy}{mm}{dd}\"\n[host.a2]\npath = \"/out\"\n"
        let fault = try Samples.fault { try Samples.read(text) }
        #expect(
            fault.message.contains("4:1: host 'a2': its 'path' has a date and that of 'a1' has not, or the reverse"))
    }

    @Test("A decommissioned host of a range is left out")
    func decommissionedHost() throws {
        let text =
            "kind = \"hosts\"\nhosts = [\"a[1-3]\"]\npath = \"/out/{yyyy}{mm}{dd}\"\n[host.a2]\ndecommissioned = true\n"
        #expect(try Samples.read(text).hosts.map(\.name) == ["a1", "a3"])
    }

    @Test("Without a choice the vault is the only one")
    func vaults() throws {
        let none = try Samples.fault { try Samples.read(Samples.job, vaults: []) }
        #expect(none.message == "jobs.d/siem.toml:1:1: there is no vault for this job")
        let several = try Samples.fault { try Samples.read(Samples.job, vaults: [Samples.second, Samples.disk]) }
        #expect(several.message == "jobs.d/siem.toml:1:1: there are several vaults: disk, second")
        #expect(
            several.hint
                == "Add the line vault = \"disk\" for one of them, or copies = [\"disk\", \"second\"] for a copy in each."
        )
    }

    /// Expects exactly one problem that begins with `message`; the hint `*` is any.
    private static func expect(_ text: String, _ message: String, _ hint: String?) throws {
        let fault = try Samples.fault { try Samples.read(text) }
        #expect(fault.code == .settings)
        #expect(fault.message.hasPrefix("jobs.d/siem.toml:" + message), "\(fault.message)")
        #expect(!fault.message.contains("\n"), "\(fault.message)")
        if hint == "*" { #expect(fault.hint != nil) } else { #expect(fault.hint == hint) }
    }
}
