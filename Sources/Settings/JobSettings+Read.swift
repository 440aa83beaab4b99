import Codec
import Ledger
import Platform

extension JobSettings {
    /// Reads the keys of a job, whose vaults are among those of `coldchain.toml`.
    ///
    /// What is wrong goes to the table's problems, so a caller throws those first; it gets nothing when they leave no
    /// job to speak of.
    ///
    /// - Parameters:
    ///   - root: the whole file.
    ///   - name: the name of the job.
    ///   - vaults: those of `coldchain.toml`.
    ///   - notify: what `coldchain.toml` says of channels.
    ///   - channels: their names.
    /// - Returns: the settings, or nothing when too much is wrong.
    package static func read(
        _ root: TomlTable, name: String, vaults: [String: VaultSettings], notify: NotifySettings = NotifySettings(),
        channels: Set<String> = []
    ) -> JobSettings? {
        let kind = readKind(root)
        let chosen = readVaults(root, vaults)
        let timezone = readTimeZone(root)
        if kind == .warehouse {
            return readWarehouse(root, name, chosen, timezone, readNotify(root, notify, channels))
        }
        let run = root.choice("run", RunDay.self) ?? .yesterday
        let catchUp = root.days("catch_up") ?? Period(days: 0)
        let hosts = readHosts(root)
        let hostsAtOnce = root.integer("hosts_at_once", in: 1...1_024) ?? 4
        let (bandwidth, window) = (root.rate("bandwidth"), root.window("window"))
        let limits = readLimits(root)
        let sizeDrop = readSizeDrop(root)
        let layout = root.parsed("layout", default: "{tenant}/**") { text throws(Fault) in try Layout(text) }
        let unmatched = readUnmatched(root)
        let archive = readArchive(root, layout)
        let maxArchive = readMaxArchive(root)
        let member = readMember(root, layout)
        let codec = root.choice("codec", MemberCodec.self) ?? .gzip
        let level = root.level("level", of: codec) ?? .balanced
        let fullEvery = readFullEvery(root, isDated: hosts.first?.isDated ?? false)
        let tenants = readTenants(root, codec)
        let told = readNotify(root, notify, channels)
        let retention = RetentionSettings.read(root)
        // A dated tree is stored whole: nothing of it is carried.
        if let first = hosts.first, !first.isDated {
            checkLock(root, chosen, fullEvery: fullEvery, keepFor: retention.policy.keepFor)
        }
        root.refuseUnknownKeys()
        guard !hosts.isEmpty, let layout, let archive, let member else { return nil }
        if hosts.count > 1, !archive.variables.contains(.host), !member.variables.contains(.host) {
            root.add(
                "several hosts, but neither 'archive' nor 'member' contains {host}",
                at: root.element("hosts")?.position ?? root.position,
                hint: "Files of two hosts could meet on one name; write {host} into one of the two.")
        }
        var job = JobSettings(
            name: name, kind: kind, vaults: chosen, timezone: timezone, run: run, catchUp: catchUp, hosts: hosts,
            hostsAtOnce: hostsAtOnce, bandwidth: bandwidth, window: window, limits: limits, sizeDrop: sizeDrop,
            layout: layout, unmatched: unmatched,
            archive: archive, maxArchive: maxArchive, member: member, codec: codec, level: level, fullEvery: fullEvery,
            tenantCodecs: tenants.codecs, tenantLevels: tenants.levels, decommissionedTenants: tenants.decommissioned)
        (job.notify, job.retention) = (told, retention)
        return job
    }

    /// The rest of a job of kind `warehouse`; what only hosts have stays as it is by default, and is asked of nobody.
    private static func readWarehouse(
        _ root: TomlTable, _ name: String, _ vaults: [VaultSettings], _ timezone: String, _ notify: NotifySettings
    ) -> JobSettings? {
        let catchUp = root.days("catch_up") ?? Period(days: 0)
        let warehouse = WarehouseSettings.read(root)
        let retention = RetentionSettings.read(root, minAge: 90)
        for vault in vaults {
            guard case .directory = vault.kind else { continue }
            root.problem(
                root.has("copies") ? "copies" : "vault",
                "vault \(quoted(vault.name)) is a directory, and objects are copied from bucket to bucket",
                hint: "Name a vault with url = \"s3://BUCKET/PREFIX\".")
        }
        root.refuseUnknownKeys()
        guard let warehouse, let layout = try? Layout("**"), let empty = try? NameTemplate("", allowed: []) else {
            return nil
        }
        var job = JobSettings(
            name: name, kind: .warehouse, vaults: vaults, timezone: timezone, run: .yesterday, catchUp: catchUp,
            hosts: [], hostsAtOnce: 1, bandwidth: nil, window: nil, limits: TreeLimitSettings(), sizeDrop: nil,
            layout: layout, unmatched: .fail, archive: empty, maxArchive: nil, member: empty, codec: .gzip,
            level: .balanced, fullEvery: nil, tenantCodecs: [:], tenantLevels: [:], decommissionedTenants: [])
        (job.warehouse, job.notify, job.retention) = (warehouse, notify, retention)
        return job
    }

    private static func readNotify(_ root: TomlTable, _ base: NotifySettings, _ channels: Set<String>) -> NotifySettings
    {
        guard let table = root.table("notify") else { return base }
        defer { table.refuseUnknownKeys() }
        return NotifySettings.read(table, over: base, known: channels)
    }

    /// Reads the kind, and takes one that is missing or wrong for `hosts`, so that all that is wrong in the file is told.
    private static func readKind(_ root: TomlTable) -> Kind {
        guard let text = root.string("kind") else {
            if !root.has("kind") { root.missing("kind", hint: "Write kind = \"hosts\".") }
            return .hosts
        }
        if let kind = Kind(rawValue: text) { return kind }
        root.problem("kind", "expected \"hosts\" or \"warehouse\", found \(quoted(text))")
        return .hosts
    }

    private static func readVaults(_ root: TomlTable, _ vaults: [String: VaultSettings]) -> [VaultSettings] {
        let known = vaults.keys.sorted()
        let list = known.isEmpty ? "none" : known.joined(separator: ", ")
        let one: String? = root.string("vault", "the name of a vault")
        let copies = root.strings("copies", "a list of vaults")
        func vault(_ name: String, _ key: String, _ position: SourcePosition) -> VaultSettings? {
            if let vault = vaults[name] { return vault }
            let near = NearestName.of(name, among: known)
            root.add(
                "'\(key)': unknown vault \(quoted(name)); known are \(list)", at: position,
                hint: near.map { "Did you mean \"\($0)\"?" } ?? "Vaults are the tables [vault.NAME] of coldchain.toml.")
            return nil
        }
        if root.has("vault"), root.has("copies") {
            root.problem("copies", "can't stand beside 'vault'", hint: "Name all vaults in 'copies' alone.")
            return []
        }
        if root.has("vault") {
            guard let one, let position = root.element("vault")?.position else { return [] }
            return vault(one, "vault", position).map { [$0] } ?? []
        }
        if root.has("copies") { return (copies ?? []).compactMap { vault($0.text, "copies", $0.position) } }
        if let only = vaults.values.first, vaults.count == 1 { return [only] }
        if known.isEmpty {
            root.add(
                "there is no vault for this job", at: root.position,
                hint: "Write a table [vault.NAME] with url = \"file:///PATH\" into coldchain.toml.")
        } else {
            root.add(
                "there are several vaults: \(list)", at: root.position,
                hint:
                    "Add the line vault = \(quoted(known[0])) for one of them, or copies = [\(known.map { quoted($0) }.joined(separator: ", "))] for a copy in each."
            )
        }
        return []
    }

    private static func readTimeZone(_ root: TomlTable) -> String {
        guard let name = root.string("timezone") else { return "UTC" }
        if !isTimeZone(name) {
            root.problem(
                "timezone", "unknown time zone \(quoted(name))",
                hint: "Use a name from /usr/share/zoneinfo, such as \"Europe/Berlin\" or \"UTC\".")
        }
        return name
    }

    /// Whether the zone database has this name; its files begin with `TZif` (tzfile(5)).
    private static func isTimeZone(_ name: String) -> Bool {
        if name == "UTC" { return true }
        guard !name.isEmpty, AbsolutePath.checked("/" + name) == "/" + name else { return false }
        var magic = [UInt8](repeating: 0, count: 4)
        do {
            let file = try File.open("/usr/share/zoneinfo/" + name)
            _ = try magic.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
        } catch { return false }
        return magic == Array("TZif".utf8)
    }

    private static func readLimits(_ root: TomlTable) -> TreeLimitSettings {
        var limits = TreeLimitSettings()
        guard let table = root.table("limits") else { return limits }
        limits.depth = table.integer("depth", in: 1...4_096)
        limits.entries = table.integer("entries", in: 1...1_000_000_000)
        limits.bytes = table.byteCount("bytes")
        table.refuseUnknownKeys()
        return limits
    }

    private static func readSizeDrop(_ root: TomlTable) -> Double? {
        guard let table = root.table("alarm") else { return nil }
        defer { table.refuseUnknownKeys() }
        return table.share("size_drop", from: 1, example: 80)
    }

    private static func readFullEvery(_ root: TomlTable, isDated: Bool) -> Period? {
        guard let period = root.days("full_every") else { return nil }
        if period.days < 1 { root.problem("full_every", "expected at least 1 day") }
        if isDated {
            root.problem(
                "full_every", "has no meaning where 'path' carries a date",
                hint: "Each day's tree is stored whole; remove 'full_every'.")
        }
        return period
    }

    private struct Tenants {
        var codecs: [String: MemberCodec] = [:]
        var levels: [String: CompressionLevel] = [:]
        var decommissioned: Set<String> = []
    }

    private static func readTenants(_ root: TomlTable, _ codec: MemberCodec) -> Tenants {
        var tenants = Tenants()
        for (name, position, table) in root.tables("tenant") {
            let plain = name.hasPrefix("_") ? String(name.dropFirst()) : name
            let escaped = PathEscape.unescape(name).map { PathEscape.escape($0) == name && !$0.isEmpty } ?? false
            if !PathEscape.isName(plain) && !escaped {
                root.add(
                    "tenant \(quoted(name, "'")): not the name of a tenant", at: position,
                    hint: PathEscape.escape(ByteString(name)).isEmpty
                        ? nil : "Its name in archives is \"\(PathEscape.escape(ByteString(name)))\".")
            }
            let own = table.choice("codec", MemberCodec.self)
            tenants.codecs[name] = own
            tenants.levels[name] = table.level("level", of: own ?? codec)
            if table.boolean("decommissioned") == true { tenants.decommissioned.insert(name) }
            table.refuseUnknownKeys()
        }
        return tenants
    }
}
