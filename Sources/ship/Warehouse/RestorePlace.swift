import Platform

/// The bucket that objects are restored to, and what their keys get in front.
struct RestorePlace {
    let bucket: String
    /// Empty, or with a slash at its end.
    let prefix: ByteString

    /// - Throws: `usage` for anything else than `source` and `s3://BUCKET/PREFIX`.
    init(_ text: String, source: String) throws(Fault) {
        if text == "source" {
            (bucket, prefix) = (source, ByteString())
            return
        }
        let scheme = "s3://"
        let parts = text.dropFirst(scheme.count).split(
            separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard text.hasPrefix(scheme), let bucket = parts.first, !bucket.isEmpty else {
            throw Fault(
                .usage, "--to '\(text)': expected s3://BUCKET/PREFIX, or the word source",
                hint: "Objects of a warehouse come back into a bucket: 'source' is the one they came from.")
        }
        self.bucket = String(bucket)
        let rest = parts.count > 1 ? String(parts[1]) : ""
        prefix = ByteString(rest.isEmpty || rest.hasSuffix("/") ? rest : rest + "/")
    }
}
