/// One `[vault.NAME]` of `coldchain.toml`: a place where archives end.
package struct VaultSettings: Hashable, Sendable {
    /// What sort of place it is.
    package enum Kind: Hashable, Sendable {
        /// `file:///PATH`: a directory, absolute and without a slash at its end.
        case directory(String)
    }

    package let name: String
    /// The address as it was written.
    package let url: String
    package let kind: Kind

    package init(name: String, url: String, kind: Kind) {
        self.name = name
        self.url = url
        self.kind = kind
    }

    /// Reads the table of a vault; gives nothing after noting a problem.
    static func read(_ name: String, _ table: TomlTable) -> VaultSettings? {
        guard let url = table.string("url") else {
            if !table.has("url") { table.missing("url", hint: "Write url = \"file:///PATH\".") }
            table.refuseUnknownKeys()
            return nil
        }
        let expected = "expected \"file:///PATH\", found \(quoted(url))"
        guard let scheme = url.firstRange(of: "://").map({ url[..<$0.lowerBound] }), !scheme.isEmpty else {
            table.problem("url", expected)
            return nil
        }
        guard scheme == "file" else {
            // Its other keys are not unknown, they are of that kind.
            table.problem("url", "vault kind '\(quoted(String(scheme), ""))' is not supported by this version")
            return nil
        }
        table.refuseUnknownKeys()
        guard let directory = AbsolutePath.checked(String(url.dropFirst("file://".count))), directory != "/" else {
            table.problem("url", expected)
            return nil
        }
        return VaultSettings(name: name, url: url, kind: .directory(directory))
    }
}
