import Platform

extension JobSettings {
    private typealias Variable = NameTemplate.Variable

    /// Reads `hosts` and the tables `[host.NAME]`.
    ///
    /// - Returns: the hosts that are collected, in the order of `hosts`.
    static func readHosts(_ root: TomlTable) -> [HostSettings] {
        let names = readHostNames(root)
        let base = HostKeys(root)
        let bind = root.string("bind", "an address or the name of an interface")
        if base.path == nil && !root.has("path") {
            root.missing("path", hint: "Write path = \"/PATH\" for SSH, or \"file:///PATH\" for a mounted tree.")
        }
        var overrides: [String: (keys: HostKeys, table: TomlTable)] = [:]
        var left: Set<String> = []
        for (name, position, table) in root.tables("host") {
            if !names.contains(where: { $0.name == name }) {
                let near = NearestName.of(name, among: names.map(\.name))
                root.add(
                    "host \(quoted(name, "'")): 'hosts' has no such host", at: position,
                    hint: near.map { "Did you mean [host.\(quoted($0))]?" })
            }
            overrides[name] = (HostKeys(table), table)
            if table.boolean("decommissioned") == true { left.insert(name) }
            table.refuseUnknownKeys()
        }
        var hosts: [HostSettings] = []
        for (name, position) in names where !left.contains(name) {
            let own = overrides[name]
            guard let path = own?.keys.path ?? base.path else { continue }
            let ssh = SSHSettings(
                user: own?.keys.ssh?.user ?? base.ssh?.user, port: own?.keys.ssh?.port ?? base.ssh?.port,
                options: own?.keys.ssh?.options ?? base.ssh?.options ?? [], bind: bind,
                address: own?.keys.address)
            hosts.append(
                HostSettings(
                    name: name, access: path.isMounted ? .mounted : .ssh(ssh), path: path.template,
                    streams: own?.keys.streams ?? base.streams ?? 2, ready: own?.keys.ready ?? base.ready,
                    settle: own?.keys.settle ?? base.settle ?? Period(seconds: 0),
                    checksums: own?.keys.checksums ?? base.checksums,
                    allowEmpty: own?.keys.allowEmpty ?? base.allowEmpty ?? false))
            if path.isMounted, own?.keys.path == nil, names.count > 1, !path.template.variables.contains(.host) {
                root.problem("path", "several hosts, but 'path' does not contain {host}")
                break
            }
            if let first = hosts.first, first.isDated != hosts[hosts.count - 1].isDated {
                root.add(
                    "host '\(name)': its 'path' has a date and that of '\(first.name)' has not, or the reverse",
                    at: own?.table.position ?? position, hint: "Write a job of its own for such hosts.")
            }
        }
        if hosts.isEmpty, !names.isEmpty, !left.isEmpty {
            root.add("all hosts are decommissioned", at: root.element("hosts")?.position ?? root.position)
        }
        return hosts
    }

    private static func readHostNames(_ root: TomlTable) -> [(name: String, position: SourcePosition)] {
        guard root.has("hosts") else {
            root.missing("hosts", hint: "Write hosts = [\"NAME\"].")
            return []
        }
        var names: [(name: String, position: SourcePosition)] = []
        var seen: Set<String> = []
        for (text, position) in root.strings("hosts", "a list of host names") ?? [] {
            let expanded: [String]
            do { expanded = try HostRange.expand(text) } catch {
                root.add("'hosts': \(quoted(text)): \(error.message)", at: position)
                continue
            }
            for name in expanded {
                guard PathEscape.isName(name) else {
                    root.add("'hosts': \(quoted(name)) is no host name: \(nameRule)", at: position)
                    break
                }
                guard seen.insert(name).inserted else {
                    // The same text twice has been noted already.
                    if name != text { root.add("'hosts': \(quoted(text)) names '\(name)' a second time", at: position) }
                    break
                }
                names.append((name, position))
            }
        }
        return names
    }

    /// The keys that a job has for all hosts and `[host.NAME]` for one.
    private struct HostKeys {
        var path: (template: NameTemplate, isMounted: Bool)?
        var ssh: (user: String?, port: Int?, options: [String]?)?
        var address: String?
        var streams: Int?
        var ready: String?
        var settle: Period?
        var checksums: String?
        var allowEmpty: Bool?

        init(_ table: TomlTable) {
            path = HostKeys.path(table)
            if let ssh = table.table("ssh") {
                self.ssh = (
                    ssh.string("user"), ssh.integer("port", in: 1...65_535),
                    ssh.strings("options", "a list of ssh options")?.map(\.text)
                )
                ssh.refuseUnknownKeys()
            }
            if table.path.first == "host" { address = table.string("address") }
            streams = table.integer("streams_per_host", in: 1...16)
            ready = table.fileName("ready")
            settle = table.period("settle")
            checksums = table.fileName("source_checksums")
            allowEmpty = table.boolean("allow_empty")
        }

        private static func path(_ root: TomlTable) -> (NameTemplate, Bool)? {
            let scheme = "file://"
            guard let text = root.string("path") else { return nil }
            let isMounted = text.hasPrefix(scheme)
            do {
                let allowed = Variable.date.union([.host])
                // The scheme is in the column that messages count, but not in the template.
                _ = try NameTemplate(text, allowed: allowed)
                let path = try NameTemplate(isMounted ? String(text.dropFirst(scheme.count)) : text, allowed: allowed)
                if let problem = path.pathProblem(absolute: true) {
                    root.problem(
                        "path", isMounted ? "the part behind \"file://\" \(problem)" : problem,
                        hint: isMounted
                            ? nil : "\"/PATH\" is read over SSH, \"file:///PATH\" from a tree that is mounted here.")
                    return nil
                }
                let dates = path.variables.intersection(Variable.date)
                if !dates.isEmpty && dates != Variable.date {
                    root.problem("path", "has a part of the date only", hint: "Write {yyyy}, {mm} and {dd}, or none.")
                }
                return (path, isMounted)
            } catch {
                root.problem("path", error.message, hint: error.hint)
                return nil
            }
        }
    }
}

extension HostSettings {
    /// Whether the path carries the date of the run.
    var isDated: Bool { !path.variables.isDisjoint(with: NameTemplate.Variable.date) }
}

extension TomlTable {
    /// The name of a file, without directories.
    fileprivate func fileName(_ key: String) -> String? {
        guard let name = string(key, "the name of a file") else { return nil }
        if !name.isEmpty, name != ".", name != "..", !name.contains("/"), !name.utf8.contains(0) { return name }
        problem(key, "expected the name of a file at the top of the tree, found \(quoted(name))")
        return nil
    }
}
