/// One `[vault.NAME]` of `coldchain.toml`: a place where archives end.
package struct VaultSettings: Hashable, Sendable {
    /// What sort of place it is.
    package enum Kind: Hashable, Sendable {
        /// `file:///PATH`: a directory, absolute and without a slash at its end.
        case directory(String)
        /// `s3://BUCKET/PREFIX`.
        case bucket(BucketSettings)
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

    /// The place itself, whatever else is set: two vaults can't be one place.
    package var place: String {
        switch kind {
        case .directory(let path): "file://\(path)"
        case .bucket(let bucket): "s3://\(bucket.bucket)/\(bucket.prefix) \(bucket.endpoint ?? "")"
        }
    }

    /// Reads the table of a vault; gives nothing after noting a problem.
    static func read(_ name: String, _ table: TomlTable) -> VaultSettings? {
        guard let url = table.string("url") else {
            if !table.has("url") {
                table.missing("url", hint: "Write url = \"file:///PATH\" or \"s3://BUCKET/PREFIX\".")
            }
            table.refuseUnknownKeys()
            return nil
        }
        let expected = "expected \"file:///PATH\" or \"s3://BUCKET/PREFIX\", found \(quoted(url))"
        guard let scheme = url.firstRange(of: "://").map({ url[..<$0.lowerBound] }), !scheme.isEmpty else {
            table.problem("url", expected)
            return nil
        }
        let rest = String(url.dropFirst(scheme.count + "://".count))
        switch scheme {
        case "file":
            table.refuseUnknownKeys()
            guard let directory = AbsolutePath.checked(rest), directory != "/" else {
                table.problem("url", expected)
                return nil
            }
            return VaultSettings(name: name, url: url, kind: .directory(directory))
        case "s3":
            guard let (bucket, prefix) = bucketAndPrefix(rest) else {
                // Its other keys are not unknown, they are of that kind.
                table.problem("url", expected)
                return nil
            }
            return BucketSettings.read(bucket: bucket, prefix: prefix, table).map {
                VaultSettings(name: name, url: url, kind: .bucket($0))
            }
        default:
            // Its other keys are not unknown, they are of that kind.
            table.problem("url", "vault kind '\(quoted(String(scheme), ""))' is not supported by this version")
            return nil
        }
    }

    /// The parts of `BUCKET/PREFIX`; the prefix is empty, or names between single slashes.
    static func bucketAndPrefix(_ text: String) -> (bucket: String, prefix: String)? {
        var parts = text.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count > 1, parts.last?.isEmpty == true { parts.removeLast() }
        // S3 user guide, bucket naming rules; other servers also take capitals and underscores.
        let isBucket: (Substring) -> Bool = { name in
            (3...63).contains(name.utf8.count)
                && name.utf8.allSatisfy {
                    switch $0 {
                    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
                    default: false
                    }
                }
        }
        let isName: (Substring) -> Bool = { name in
            !name.isEmpty && name.first != "." && !name.utf8.contains { $0 < 0x20 || $0 == 0x7F }
        }
        guard let bucket = parts.first, isBucket(bucket), parts.dropFirst().allSatisfy(isName) else { return nil }
        return (String(bucket), parts.dropFirst().joined(separator: "/"))
    }
}
