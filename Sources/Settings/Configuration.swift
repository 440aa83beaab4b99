package import Platform

/// The settings of the whole server: `coldchain.toml`, with what the environment changes.
package struct Configuration: Sendable {
    /// Where the settings lie when neither a flag nor `COLDCHAIN_CONFIG` says otherwise.
    package static let defaultPath = "/etc/coldchain/coldchain.toml"

    /// The file that was read.
    package var path: String
    /// The directory through which the stages hand work on; absolute.
    package var staging: String
    /// The directory of what only caches and pins; absolute.
    package var state: String
    /// How many workers compress and copy; at least 1.
    package var workers: Int
    /// The free space of staging below which no new host starts.
    package var minFree: ByteCount
    /// The file of the price table; absolute.
    package var prices: String
    package var vaults: [String: VaultSettings]
    /// The ways to tell people how stages ended, by name.
    package var channels: [String: ChannelSettings]
    /// Which of them are told of what, where a job does not say otherwise.
    package var notify: NotifySettings

    /// Reads `coldchain.toml`.
    ///
    /// The path is what `--config` says; without it `COLDCHAIN_CONFIG`, then ``defaultPath``. `COLDCHAIN_STAGING`,
    /// `COLDCHAIN_STATE` and `COLDCHAIN_WORKERS` of the environment go over the file; an empty variable counts as none.
    ///
    /// - Throws: `settings` for a file that is missing or wrong, and for a variable that is wrong.
    package static func load(_ path: String?, environment: [String: String]) throws(Fault) -> Configuration {
        func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let file = path ?? variable("COLDCHAIN_CONFIG") ?? defaultPath
        let document: TomlDocument
        do { document = try TomlDocument(path: file) } catch {
            guard error.code == .notFound else { throw error }
            throw Fault(
                .settings, error.message,
                hint: "Write it as coldchain.toml(5) says, or name another with --config or COLDCHAIN_CONFIG.")
        }
        var configuration = read(document.root, path: file)
        try document.problems.throwIfAny()
        configuration.staging =
            try directory("COLDCHAIN_STAGING", variable("COLDCHAIN_STAGING")) ?? configuration.staging
        configuration.state = try directory("COLDCHAIN_STATE", variable("COLDCHAIN_STATE")) ?? configuration.state
        if let text = variable("COLDCHAIN_WORKERS") {
            guard let count = Int(text), workerRange.contains(count) else {
                throw Fault(.settings, "COLDCHAIN_WORKERS: expected a number from 0 to 1024, found \(quoted(text))")
            }
            configuration.workers = count
        }
        configuration.workers = resolvedWorkers(configuration.workers)
        return configuration
    }

    private static let workerRange = 0...1_024

    /// The number of workers that a setting or a flag stands for: 0 is one for each core that the process may run on.
    package static func resolvedWorkers(_ count: Int) -> Int {
        count > 0 ? count : Processors.available
    }

    private static func directory(_ name: String, _ text: String?) throws(Fault) -> String? {
        guard let text else { return nil }
        if let path = AbsolutePath.checked(text) { return path }
        throw Fault(.settings, "\(name): expected an absolute path, found \(quoted(text))")
    }

    /// Reads the keys of `coldchain.toml`; what is wrong goes to the table's problems.
    package static func read(_ root: TomlTable, path: String) -> Configuration {
        let (channels, notify) = readNotify(root)
        let configuration = Configuration(
            path: path,
            staging: root.absolutePath("staging") ?? "/srv/staging",
            state: root.absolutePath("state") ?? "/var/lib/coldchain",
            workers: root.integer("workers", in: workerRange) ?? 0,
            minFree: root.byteCount("min_free") ?? .zero,
            prices: root.absolutePath("prices") ?? PriceFile.defaultPath,
            vaults: readVaults(root),
            channels: channels, notify: notify)
        root.refuseUnknownKeys()
        return configuration
    }

    private static func readNotify(_ root: TomlTable) -> ([String: ChannelSettings], NotifySettings) {
        guard let table = root.table("notify") else { return ([:], NotifySettings()) }
        defer { table.refuseUnknownKeys() }
        var channels: [String: ChannelSettings] = [:]
        var names: Set<String> = []
        for (name, position, channel) in table.tables("channel") {
            guard PathEscape.isName(name) else {
                table.add("channel \(quoted(name, "'")): \(nameRule)", at: position)
                continue
            }
            names.insert(name)
            channels[name] = ChannelSettings.read(name, channel)
        }
        return (channels, NotifySettings.read(table, over: NotifySettings(), known: names))
    }

    private static func readVaults(_ root: TomlTable) -> [String: VaultSettings] {
        var vaults: [String: VaultSettings] = [:]
        for (name, position, table) in root.tables("vault") {
            guard PathEscape.isName(name) else {
                root.add("vault \(quoted(name, "'")): \(nameRule)", at: position)
                continue
            }
            guard let vault = VaultSettings.read(name, table) else { continue }
            if let other = vaults.values.first(where: { $0.place == vault.place }) {
                table.problem("url", "vault '\(other.name)' is the same place")
            }
            vaults[name] = vault
        }
        return vaults
    }
}

/// The rule of names in words.
let nameRule = "a name begins with a letter or digit and goes on with letters, digits, '.', '_' and '-'"
