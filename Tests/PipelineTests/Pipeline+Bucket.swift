import Platform
import TestSupport

/// Vaults in buckets.
extension Pipeline {
    /// The variables of ``environment`` with keys for a store on this machine, and none of the caller's own for AWS.
    func awsEnvironment(
        accessKey: String = "AKID", secretKey: String = "secret", _ more: [String: String] = [:]
    ) -> [String: String?] {
        var all: [String: String?] = [
            "AWS_ACCESS_KEY_ID": accessKey, "AWS_SECRET_ACCESS_KEY": secretKey, "AWS_EC2_METADATA_DISABLED": "true",
            "HOME": root,
        ]
        for name in [
            "AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN", "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
            "all_proxy",
        ] { all[name] = .some(nil) }
        return all.merging(more) { $1 }.merging(environment) { one, _ in one }
    }

    func awsEnvironment(_ server: RGWServer, _ more: [String: String] = [:]) -> [String: String?] {
        awsEnvironment(accessKey: server.accessKey, secretKey: server.secretKey, more)
    }

    /// Writes settings whose one vault is a bucket.
    ///
    /// - Parameters:
    ///   - bucket: its name, with a prefix where one is wanted.
    ///   - endpoint: where it is.
    ///   - lines: further lines of the vault's table.
    /// - Throws: what keeps the settings from being written.
    func useBucket(_ bucket: String, at endpoint: String, _ lines: [String] = []) throws {
        let head = [
            "staging = \"\(staging)\"", "state = \"\(state)\"", "[vault.cold]", "url = \"s3://\(bucket)\"",
            "endpoint = \"\(endpoint)\"",
        ]
        try TreeBuilder(root + "/etc").file(
            "coldchain.toml", text: (head + lines).joined(separator: "\n") + "\n")
    }
}
