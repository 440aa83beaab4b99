import Ledger
import Platform

/// How archives and members are named.
extension JobSettings {
    private typealias Variable = NameTemplate.Variable

    static func readUnmatched(_ root: TomlTable) -> Unmatched {
        let standard = Unmatched.tenant("_unmatched")
        guard let text = root.string("unmatched") else { return standard }
        switch text {
        case "fail": return .fail
        case "skip": return .skip
        default: break
        }
        guard text.hasPrefix("tenant:") else {
            root.problem("unmatched", "expected \"tenant:NAME\", \"fail\" or \"skip\", found \(quoted(text))")
            return standard
        }
        let name = String(text.dropFirst("tenant:".count))
        // `_ledger` is where the vaults keep manifests.
        guard PathEscape.isName(name.hasPrefix("_") ? String(name.dropFirst()) : name), name != "_ledger" else {
            root.problem("unmatched", "\(quoted(name)) can't name a tenant")
            return standard
        }
        return .tenant(name)
    }

    static func readArchive(_ root: TomlTable, _ layout: Layout?) -> NameTemplate? {
        let archive = root.parsed("archive", default: "{tenant}/{yyyy}/{mm}/{dd}/{host}") { text throws(Fault) in
            try NameTemplate(text, allowed: Variable.date.union([.tenant, .category, .host]))
        }
        guard let archive, checkCaptured("archive", archive, root, layout) else { return nil }
        if let problem = archive.pathProblem(absolute: false) {
            root.problem("archive", problem)
            return nil
        }
        if archive.expand({ _ in "x" }).split(separator: "/").contains(where: { $0.hasPrefix("_") }) {
            root.problem("archive", "a component must not begin with '_'", hint: "Such names are coldchain's own.")
            return nil
        }
        let dates = archive.variables.intersection(Variable.date)
        if !dates.isEmpty && dates != Variable.date {
            root.problem("archive", "has a part of the date only", hint: "Write {yyyy}, {mm} and {dd}, or none.")
        }
        return archive
    }

    static func readMaxArchive(_ root: TomlTable) -> ByteCount? {
        guard let limit = root.byteCount("max_archive") else { return nil }
        if limit.bytes < 1 << 20 { root.problem("max_archive", "expected at least 1 MiB") }
        return limit
    }

    static func readMember(_ root: TomlTable, _ layout: Layout?) -> NameTemplate? {
        // The default names what the layout captures.
        let captured = [Variable.tenant, .category].filter { layout?.variables.contains($0) ?? true }
        let standard = (captured + [.host, .rest]).map { "{\($0.rawValue)}" }.joined(separator: "/")
        let member = root.parsed("member", default: standard) { text throws(Fault) in
            try NameTemplate(text, allowed: Set(Variable.allCases))
        }
        guard let member, checkCaptured("member", member, root, layout) else { return nil }
        // Components that are empty are left out of a member's name, so only a wholly empty template is wrong.
        let problem = member.pathProblem(absolute: false, allowingEmptyComponents: !member.parts.isEmpty)
        if let problem {
            root.problem("member", problem)
            return nil
        }
        return member
    }

    /// Notes each variable of a template that comes from the path, but that the layout does not capture.
    private static func checkCaptured(
        _ key: String, _ template: NameTemplate, _ root: TomlTable, _ layout: Layout?
    ) -> Bool {
        guard let layout else { return true }
        var good = true
        for variable in [Variable.tenant, .category]
        where template.variables.contains(variable) && !layout.variables.contains(variable) {
            good = false
            let name = "{\(variable.rawValue)}"
            root.problem(
                root.has(key) ? key : "layout",
                root.has(key)
                    ? "uses \(name), which 'layout' does not capture"
                    : "does not capture \(name), which '\(key)' uses by default",
                hint: "Write \(name) into 'layout', or leave it out of '\(key)'.")
        }
        return good
    }
}
