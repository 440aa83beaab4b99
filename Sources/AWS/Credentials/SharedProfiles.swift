import Platform

/// The profiles of the two shared files of the AWS tools, joined.
///
/// A key that stands in both is the credentials file's.
struct SharedProfiles: Sendable {
    /// The name of the systemd credential that is used as the credentials file, where it is there and the environment names
    /// no other (systemd.exec(5), "LoadCredential=").
    static let credential = "aws-credentials"

    /// The files that were looked for, and whether they were there.
    let files: [(path: String, isThere: Bool)]
    private let profiles: [String: SharedConfigFile.Section]

    /// Reads the files.
    ///
    /// - Parameter environment: `AWS_CONFIG_FILE`, `AWS_SHARED_CREDENTIALS_FILE`, `CREDENTIALS_DIRECTORY` and `HOME` count.
    /// - Throws: the system's fault for a file that is there but can't be read; `limit` for one that is too long.
    init(_ environment: AWSEnvironment) throws(Fault) {
        let home = environment["HOME"].map { $0 + "/.aws" }
        let config = environment["AWS_CONFIG_FILE"].map(environment.expanded) ?? home.map { $0 + "/config" }
        var files: [(path: String, isThere: Bool)] = []
        var profiles: [String: SharedConfigFile.Section] = [:]
        if let config, let file = try Self.read(config, &files) {
            for (name, section) in file.sections {
                // [profile default] goes over [default].
                if name == "default", file.sections["profile default"] != nil { continue }
                let words = name.split(separator: " ", maxSplits: 1)
                if words.count == 2, words[0] == "profile" {
                    profiles[String(words[1])] = section
                } else if name == "default" {
                    profiles[name] = section
                }
            }
        }
        if let path = try Self.credentials(environment, home: home),
            let file = try Self.read(path, &files)
        {
            for (name, section) in file.sections { profiles[name, default: [:]].merge(section) { _, new in new } }
        }
        self.files = files
        self.profiles = profiles
    }

    private static func credentials(_ environment: AWSEnvironment, home: String?) throws(Fault) -> String? {
        if let path = environment["AWS_SHARED_CREDENTIALS_FILE"] { return environment.expanded(path) }
        if let directory = environment["CREDENTIALS_DIRECTORY"] {
            let path = "\(directory)/\(credential)"
            do {
                _ = try File.open(path)
                return path
            } catch { guard error.code == .notFound else { throw error } }
        }
        return home.map { $0 + "/credentials" }
    }

    /// Nothing when the file isn't there.
    private static func read(_ path: String, _ files: inout [(path: String, isThere: Bool)]) throws(Fault)
        -> SharedConfigFile?
    {
        do {
            let text = try SmallFile.text(path)
            files.append((path, true))
            return SharedConfigFile(text)
        } catch {
            guard error.code == .notFound else { throw error }
            files.append((path, false))
            return nil
        }
    }

    /// The keys of a profile, or nothing when it is in neither file.
    subscript(name: String) -> SharedConfigFile.Section? { profiles[name] }

    /// The files for a message: `~/.aws/config is not there`.
    var filesInWords: String {
        files.isEmpty
            ? "HOME is not set"
            : files.map { $0.isThere ? $0.path : "\($0.path) (not there)" }.joined(separator: ", ")
    }
}
