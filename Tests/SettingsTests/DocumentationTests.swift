import Codec
import Platform
import Settings
import TestSupport
import Testing

/// The examples in `etc` and the manual page say what the code does.
struct DocumentationTests {
    /// The keys that the code asks for, found by reading a file with every table in it.
    private static func acceptedKeys() throws -> (main: Set<String>, job: Set<String>) {
        let main = try TomlDocument(bytes: Array("[vault.x]\nurl = \"s3://bucket\"\n[notify]\n".utf8), file: "main")
            .root
        _ = Configuration.read(main, path: "main")
        let vault = try #require(main.tables("vault").first).table
        let job = try TomlDocument(
            bytes: Array((Samples.job + "[tenant.x]\n[host.h1]\n[alarm]\n[retention]\n").utf8), file: "job"
        )
        .root
        _ = JobSettings.read(job, name: "job", vaults: ["disk": Samples.disk])
        let tenant = try #require(job.tables("tenant").first).table
        let host = try #require(job.tables("host").first).table
        let alarm = try #require(job.table("alarm"))
        let retention = try #require(job.table("retention"))
        let notify = try #require(main.table("notify"))
        let inside = [tenant, host, alarm, retention].reduce(into: Set()) { $0.formUnion($1.askedKeys) }
        let tables: Set<String> = ["alarm", "retention", "notify", "channel"]
        return (
            main.askedKeys.union(vault.askedKeys).union(notify.askedKeys).subtracting(tables),
            job.askedKeys.union(inside).subtracting(tables)
        )
    }

    @Test("The examples are valid as they stand")
    func examples() throws {
        let configuration = try Configuration.load(Repository.root + "/etc/coldchain.toml", environment: [:])
        #expect(configuration.minFree.bytes == 200 << 30)
        #expect(try configuration.jobNames() == ["example"])
        let job = try configuration.job("example")
        #expect(job.hosts.map(\.name) == ["siem01", "siem02"])
        #expect(job.compression(forTenant: "acme") == Compression(.gzip, .small))
    }

    @Test("What the examples comment out is the default, or valid in its place")
    func commentedKeys() throws {
        let folder = Repository.root + "/etc/"
        func uncommented(_ file: String, without keys: [String]) throws -> String {
            try Samples.read(file: folder + file).split(separator: "\n").map { line in
                guard line.hasPrefix("#"), !line.hasPrefix("# "), !keys.contains(where: { line.hasPrefix("#\($0) ") })
                else { return String(line) }
                return String(line.dropFirst())
            }.joined(separator: "\n")
        }
        let main = try uncommented("coldchain.toml", without: [])
        try Samples.withFolder(["coldchain.toml": main]) { path in
            let shown = try Configuration.load("\(path)/coldchain.toml", environment: [:])
            let plain = try Configuration.load(folder + "coldchain.toml", environment: [:])
            #expect(shown.staging == plain.staging)
            #expect(shown.state == plain.state)
            #expect(shown.workers == plain.workers)
        }
        // With all vaults of the example, the examples of both kinds of jobs are valid beside it.
        let jobs = ["jobs.d/example.toml": "jobs.d/example.toml", "jobs.d/lake.toml": "lake.toml"]
        var files = ["coldchain.toml": main]
        for (name, file) in jobs { files[name] = try Samples.read(file: folder + file) }
        try Samples.withFolder(files) { path in
            let shown = try Configuration.load("\(path)/coldchain.toml", environment: [:])
            #expect(try shown.jobNames() == ["example", "lake"])
            #expect(try shown.job("example").kind == .hosts)
            #expect(try shown.job("lake").kind == .warehouse)
            #expect(try shown.job("lake").vaults.map(\.name) == ["cold"])
        }
        // Both of these exclude a key that stands there.
        let job = try Samples.read(try uncommented("jobs.d/example.toml", without: ["copies", "full_every"]))
        let plain = try Samples.read(try Samples.read(file: folder + "jobs.d/example.toml"))
        #expect(job.run == plain.run)
        #expect(job.hostsAtOnce == plain.hostsAtOnce)
        #expect(job.hosts.map(\.allowEmpty) == plain.hosts.map(\.allowEmpty))
        #expect(job.unmatched == plain.unmatched)
        #expect(job.archive == plain.archive)
        #expect(job.member == plain.member)
        #expect(job.level == plain.level)
    }

    @Test("Every accepted key stands in an example")
    func keysInExamples() throws {
        let keys = try Self.acceptedKeys()
        for (file, keys) in [("coldchain.toml", keys.main), ("jobs.d/example.toml", keys.job)] {
            let lines = try Samples.read(file: Repository.root + "/etc/" + file).split(separator: "\n")
            for key in keys {
                let found = lines.contains {
                    $0.hasPrefix("\(key) =") || $0.hasPrefix("#\(key) =") || $0.hasPrefix("[\(key).")
                }
                #expect(found, "\(key) in \(file)")
            }
        }
    }

    /// The keys that a job of kind warehouse has.
    private static func warehouseKeys() throws -> Set<String> {
        let root = try TomlDocument(bytes: Array(Samples.lake.utf8), file: "job").root
        _ = JobSettings.read(root, name: "lake", vaults: ["cold": Samples.bucket])
        return root.askedKeys.subtracting(["retention", "notify"])
    }

    @Test("The example of a warehouse is valid, has every key, and what it comments out is the default")
    func warehouse() throws {
        let text = try Samples.read(file: Repository.root + "/etc/lake.toml")
        let lines = text.split(separator: "\n")
        for key in try Self.warehouseKeys().subtracting(["copies"]) {
            #expect(lines.contains { $0.hasPrefix("\(key) =") || $0.hasPrefix("#\(key) =") }, "\(key)")
        }
        // It needs the other mode.
        let uncommented = lines.filter { !$0.hasPrefix("#snapshot") }.map {
            $0.hasPrefix("#") && !$0.hasPrefix("# ") ? $0.dropFirst() : $0[...]
        }
        let plain = try Samples.read(text, vaults: [Samples.bucket])
        let shown = try Samples.read(uncommented.joined(separator: "\n"), vaults: [Samples.bucket])
        let (left, right) = (try #require(plain.warehouse), try #require(shown.warehouse))
        #expect(left.lag == right.lag && left.wait == right.wait && left.partsAtOnce == right.partsAtOnce)
        #expect(left.prefix == right.prefix && left.include == right.include && left.classes == right.classes)
        #expect(left.maxSkipped == right.maxSkipped && left.mode == right.mode)
        #expect(left.databasesAtOnce == right.databasesAtOnce)
        #expect(plain.retention == shown.retention)
        #expect(plain.timezone == shown.timezone && plain.catchUp == shown.catchUp)
    }

    @Test("Every accepted key stands in the manual page with its type, and the page has no other")
    func manual() throws {
        let page = try Samples.read(file: Repository.root + "/man/coldchain.toml.5").split(separator: "\n")
        let keys = try Self.acceptedKeys()
        // A job's key is called vault as well, so only one of the two tables is no key.
        let tables: Set<String> = ["vault", "tenant", "host"]
        let documented = page.filter { $0.hasPrefix(".It Ic ") }.map { String($0.split(separator: " ")[2]) }
        // Some keys stand in two tables.
        let twice: Set<String> = ["level", "bind", "bandwidth", "window"]
        #expect(documented.filter { !twice.contains($0) }.count == Set(documented).count - twice.count)
        let all = keys.main.union(keys.job).union(try Self.warehouseKeys())
        #expect(Set(documented) == all.subtracting(["tenant", "host"]))
        for table in tables { #expect(page.contains(".Ic [\(table). Ns Em name Ns Ic \\&]"), "[\(table)]") }
        // Each key is told with its default, or that it has none, and an example.
        for (index, line) in page.enumerated() where line.hasPrefix(".It Ic ") {
            let text = page[(index + 1)...].prefix { !$0.hasPrefix(".It ") && !$0.hasPrefix(".El") }
            #expect(line.contains(" No = Em "), "\(line)")
            #expect(text.contains { $0.hasPrefix("Default:") || $0.hasPrefix("Required.") }, "\(line)")
            #expect(text.contains("Example:"), "\(line)")
        }
    }
}
