import Glibc
import Platform
import Settings
import Testing

struct ConfigurationTests {
    private static func load(
        _ text: String, _ environment: [String: String] = [:], _ check: (Configuration) throws -> Void
    ) throws {
        try Samples.withFolder(["coldchain.toml": text]) { folder in
            try check(try Configuration.load("\(folder)/coldchain.toml", environment: environment))
        }
    }

    @Test("An empty file gives the defaults")
    func defaults() throws {
        try Self.load("") {
            #expect($0.staging == "/srv/staging")
            #expect($0.state == "/var/lib/coldchain")
            #expect($0.workers == Processors.available)
            #expect($0.workers >= 1)
            #expect($0.minFree == .zero)
            #expect($0.vaults.isEmpty)
        }
    }

    @Test("Every key is read")
    func everyKey() throws {
        let text = """
            staging = "/a/b/"
            state = "/c//d"
            workers = 3
            min_free = "200 GiB"
            [vault.disk]
            url = "file:///srv/archive/"
            [vault.x-2]
            url = "file:///srv/with space"
            """
        try Self.load(text) {
            #expect($0.staging == "/a/b")
            #expect($0.state == "/c/d")
            #expect($0.workers == 3)
            #expect($0.minFree.bytes == 200 << 30)
            #expect($0.vaults.keys.sorted() == ["disk", "x-2"])
            #expect($0.vaults["disk"]?.kind == .directory("/srv/archive"))
            #expect($0.vaults["disk"]?.name == "disk")
            #expect($0.vaults["x-2"]?.kind == .directory("/srv/with space"))
        }
    }

    @Test("Free space may be plain bytes")
    func plainBytes() throws {
        try Self.load("min_free = 4_096") { #expect($0.minFree.bytes == 4_096) }
    }

    @Test(
        "What is wrong is told with line and column",
        arguments: [
            ("\nstagin = \"/x\"", "2:1: unknown key 'stagin'", "Did you mean 'staging'?"),
            ("retention = 1", "1:1: unknown key 'retention'", nil),
            ("staging = 4", "1:11: 'staging': expected an absolute path, found 4", nil),
            ("staging = \"srv\"", "1:11: 'staging': expected an absolute path, found \"srv\"", nil),
            ("staging = \"/srv/../x\"", "1:11: 'staging': expected an absolute path, found \"/srv/../x\"", nil),
            ("state = \"/a\\nb\"", "1:9: 'state': expected an absolute path, found \"/a\\nb\"", nil),
            ("workers = -1", "1:11: 'workers': expected a number from 0 to 1024, found -1", nil),
            ("workers = \"2\"", "1:11: 'workers': expected a number from 0 to 1024, found \"2\"", nil),
            ("min_free = \"9\\tGiB\"", "1:12: 'min_free': expected a size such as \"200 GiB\", found \"9\\tGiB\"", nil),
            ("min_free = -1", "1:12: 'min_free': expected a size such as \"200 GiB\", found -1", nil),
            ("vault = 1", "1:9: 'vault': expected tables [vault.NAME], found 1", nil),
            ("vault.a = 1", "1:11: 'vault.a': expected a table [vault.NAME], found 1", nil),
            (
                "[vault.disk]", "1:1: missing key 'vault.disk.url'",
                "Write url = \"file:///PATH\" or \"s3://BUCKET/PREFIX\"."
            ),
            ("[vault._x]\nurl = \"file:///a\"", "1:8: vault '_x': a name begins with a letter", nil),
            (
                "[vault.a]\nurl = \"gs://bucket/x\"\nregion = \"eu\"",
                "2:7: 'vault.a.url': vault kind 'gs' is not supported by this version", nil
            ),
            (
                "[vault.a]\nurl = \"s3://b\"",
                "2:7: 'vault.a.url': expected \"file:///PATH\" or \"s3://BUCKET/PREFIX\"", nil
            ),
            ("[vault.a]\nurl = \"s3://bucket//x\"", "2:7: 'vault.a.url': expected", nil),
            ("[vault.a]\nurl = \"s3://bucket/../x\"", "2:7: 'vault.a.url': expected", nil),
            (
                "[vault.a]\nurl = \"s3://bucket\"\nendpoint = \"localhost:5000\"",
                "3:12: 'vault.a.endpoint': expected a URL such as \"https://s3.dc.example:8443\"", nil
            ),
            ("[vault.a]\nurl = \"s3://bucket\"\nuploads = 0", "3:11: 'vault.a.uploads': expected a number", nil),
            (
                "[vault.a]\nurl = \"s3://bucket\"\nchecksums = \"md5\"", "3:13: 'vault.a.checksums': expected one of",
                nil
            ),
            ("[vault.a]\nurl = \"s3://bucket\"\nsse = \"aes\"", "3:7: 'vault.a.sse': expected \"AES256\"", nil),
            ("[vault.a]\nurl = \"s3://bucket\"\nkms_key = \"k\"", "3:11: 'vault.a.kms_key': needs sse", nil),
            (
                "[vault.a]\nurl = \"s3://bucket\"\nstorage_class = \"deep archive\"",
                "3:17: 'vault.a.storage_class': expected a storage class", nil
            ),
            (
                "[vault.a]\nurl = \"s3://bucket\"\nobject_lock = { mode = \"GOVERNANCE\" }",
                "3:15: missing key 'vault.a.object_lock.days'", nil
            ),
            (
                "[vault.a]\nurl = \"s3://bucket\"\nreigon = \"eu\"", "3:1: unknown key 'vault.a.reigon'",
                "Did you mean 'vault.a.region'?"
            ),
            (
                "[vault.a]\nurl = \"/srv\"",
                "2:7: 'vault.a.url': expected \"file:///PATH\" or \"s3://BUCKET/PREFIX\", found \"/srv\"", nil
            ),
            (
                "[vault.a]\nurl = \"file://srv\"",
                "2:7: 'vault.a.url': expected \"file:///PATH\" or \"s3://BUCKET/PREFIX\", found", nil
            ),
            (
                "[vault.a]\nurl = \"file:///\"",
                "2:7: 'vault.a.url': expected \"file:///PATH\" or \"s3://BUCKET/PREFIX\", found", nil
            ),
            (
                "[vault.a]\nurl = \"file:///a/../b\"",
                "2:7: 'vault.a.url': expected \"file:///PATH\" or \"s3://BUCKET/PREFIX\", found", nil
            ),
            (
                "[vault.a]\nurl = \"file:///x\"\nulr = 1", "3:1: unknown key 'vault.a.ulr'",
                "Did you mean 'vault.a.url'?"
            ),
            (
                "[vault.a]\nurl = \"file:///x\"\n[vault.b]\nurl = \"file:///x/\"",
                "4:7: 'vault.b.url': vault 'a' is the same place", nil
            ),
        ] as [(String, String, String?)])
    func problems(_ text: String, _ message: String, _ hint: String?) throws {
        try Samples.withFolder(["coldchain.toml": text]) { folder in
            let path = "\(folder)/coldchain.toml"
            let fault = try Samples.fault { try Configuration.load(path, environment: [:]) }
            #expect(fault.code == .settings)
            #expect(fault.message.hasPrefix("\(path):\(message)"), "\(fault.message)")
            #expect(!fault.message.contains("\n"), "\(fault.message)")
            #expect(fault.hint == hint)
        }
    }

    @Test("The environment goes over the file, an empty or foreign variable does not")
    func environment() throws {
        let text = "staging = \"/a\"\nstate = \"/b\"\nworkers = 2"
        let environment = [
            "COLDCHAIN_STAGING": "/x/", "COLDCHAIN_STATE": "/y", "COLDCHAIN_WORKERS": "7", "COLDCHAIN_OTHER": "?",
        ]
        try Self.load(text, environment) {
            #expect([$0.staging, $0.state] == ["/x", "/y"])
            #expect($0.workers == 7)
        }
        try Self.load(text, environment.mapValues { _ in "" }) {
            #expect([$0.staging, $0.state] == ["/a", "/b"])
            #expect($0.workers == 2)
        }
        try Self.load(text, ["COLDCHAIN_WORKERS": "0"]) { #expect($0.workers == Configuration.resolvedWorkers(0)) }
    }

    @Test(
        "A wrong variable is named",
        arguments: [
            ("COLDCHAIN_STAGING", "srv", "COLDCHAIN_STAGING: expected an absolute path, found \"srv\""),
            ("COLDCHAIN_STATE", "/a/..", "COLDCHAIN_STATE: expected an absolute path, found \"/a/..\""),
            ("COLDCHAIN_WORKERS", "many", "COLDCHAIN_WORKERS: expected a number from 0 to 1024, found \"many\""),
            ("COLDCHAIN_WORKERS", "-1", "COLDCHAIN_WORKERS: expected a number from 0 to 1024, found \"-1\""),
        ])
    func wrongEnvironment(_ name: String, _ value: String, _ message: String) throws {
        let fault = try Samples.fault { try Self.load("", [name: value]) { _ in } }
        #expect(fault.code == .settings)
        #expect(fault.message == message)
    }

    @Test("The flag goes over COLDCHAIN_CONFIG, which goes over the default path")
    func paths() throws {
        try Samples.withFolder(["a.toml": "workers = 11", "b.toml": "workers = 12"]) { folder in
            let environment = ["COLDCHAIN_CONFIG": "\(folder)/b.toml"]
            #expect(try Configuration.load("\(folder)/a.toml", environment: environment).workers == 11)
            let second = try Configuration.load(nil, environment: environment)
            #expect(second.workers == 12)
            #expect(second.path == "\(folder)/b.toml")
        }
        #expect(Configuration.defaultPath == "/etc/coldchain/coldchain.toml")
    }

    @Test("Without any path the default one is read", .enabled(if: access("/etc/coldchain", F_OK) != 0))
    func defaultPath() throws {
        let fault = try Samples.fault { try Configuration.load(nil, environment: [:]) }
        #expect(fault.code == .settings)
        #expect(fault.message == "open /etc/coldchain/coldchain.toml: no such file or directory")
        #expect(fault.hint?.contains("--config") == true)
    }

    // MARK: Notifications

    private func read(_ text: String) throws -> Configuration {
        let document = try TomlDocument(bytes: Array(text.utf8), file: "coldchain.toml")
        let configuration = Configuration.read(document.root, path: "coldchain.toml")
        try document.problems.throwIfAny()
        return configuration
    }

    @Test("An event has the tier that the settings say, and one of its own without")
    func tiers() throws {
        let settings = try read("[notify]\ntier = { partial = \"critical\", missing = \"info\" }\n").notify
        #expect(
            NotifySettings.Event.allCases.map { settings.tier(of: $0) } == [.info, .info, .critical, .critical, .info])
        let fault = try Samples.fault { try read("[notify]\ntier = { failure = \"bad\" }\n") }
        #expect(fault.message.contains("notify.tier.failure"), "\(fault)")
    }

    @Test("A channel of CloudWatch needs nothing but its kind, and no namespace of AWS's own")
    func cloudWatch() throws {
        let plain = try read("[notify.channel.c]\nkind = \"cloudwatch\"\n").channels["c"]
        #expect(plain?.kind == .cloudWatch(.init(namespace: "coldchain")))
        let fault = try Samples.fault {
            try read("[notify.channel.c]\nkind = \"cloudwatch\"\nnamespace = \"AWS/S3\"\n")
        }
        #expect(fault.message.contains("is no namespace of CloudWatch"), "\(fault)")
    }

    @Test(
        "A credential is read by its own name, or that of the directory that the units take",
        arguments: ["", "coldchain_"])
    func credentials(_ prefix: String) throws {
        try Samples.withFolder(["\(prefix)chat": "https://example.net/hook\n"]) { path in
            let secret = try SecretSource.credential("chat").read { $0 == "CREDENTIALS_DIRECTORY" ? path : nil }
            #expect(secret == "https://example.net/hook")
            let fault = try Samples.fault { try SecretSource.credential("other").read { _ in path } }
            #expect(fault.hint?.contains("/etc/coldchain/credentials/other") == true)
        }
    }
}
