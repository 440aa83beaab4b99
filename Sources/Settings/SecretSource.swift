import Glibc
package import Platform

/// Where a secret lies: in a systemd credential, a file or a variable of the environment, never in the settings.
package enum SecretSource: Hashable, Sendable, CustomStringConvertible {
    /// A file of this name below `$CREDENTIALS_DIRECTORY` (systemd.exec(5), `LoadCredential=`); with `coldchain_` before
    /// its name where the units have taken it from the directory of all credentials.
    case credential(String)
    /// A file, absolute.
    case file(String)
    case environment(String)

    /// How the settings name it; not the secret.
    package var description: String {
        switch self {
        case .credential(let name): "credential '\(name)'"
        case .file(let path): path
        case .environment(let name): "$\(name)"
        }
    }

    /// No address and no password is longer.
    private static let longest = 16 << 10

    /// Reads the secret, without the line's end behind it.
    ///
    /// - Parameter variable: gives a variable of the environment.
    /// - Returns: the secret.
    /// - Throws: `settings` naming the place, when there is none or it is empty.
    package func read(_ variable: (String) -> String? = SecretSource.environmentVariable) throws(Fault) -> String {
        let text: String
        switch self {
        case .environment(let name):
            guard let value = variable(name) else { throw Fault(.settings, "\(self): is not set") }
            text = value
        case .file(let path): text = try Self.text(path)
        case .credential(let name):
            guard let directory = variable("CREDENTIALS_DIRECTORY"), !directory.isEmpty else {
                throw Fault(
                    .settings, "\(self): there is no CREDENTIALS_DIRECTORY",
                    hint:
                        "The units take it from /etc/coldchain/credentials/\(name); elsewhere name it as { file = \"PATH\" }."
                )
            }
            text = try Self.credential(name, in: directory)
        }
        let secret = String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
        guard !secret.isEmpty else { throw Fault(.settings, "\(self): is empty") }
        guard secret.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            throw Fault(.settings, "\(self): has more than one line, or bytes that are no text")
        }
        return secret
    }

    /// What the service manager names `coldchain_NAME` comes from a whole directory (`LoadCredential=coldchain:DIRECTORY`).
    private static func credential(_ name: String, in directory: String) throws(Fault) -> String {
        for file in ["coldchain_\(name)", name] where access("\(directory)/\(file)", F_OK) == 0 {
            return try text("\(directory)/\(file)")
        }
        throw Fault(
            .settings, "credential '\(name)': is not in \(directory)",
            hint: "The units take it from /etc/coldchain/credentials/\(name), a file of root's alone.")
    }

    private static func text(_ path: String) throws(Fault) -> String {
        let file: File
        do { file = try File.open(path) } catch {
            throw Fault(
                .settings, error.description, hint: "The account that runs this needs a file that it can read.")
        }
        let buffer = Buffer(capacity: longest)
        buffer.count = try file.read(into: buffer.bytes, at: 0)
        return String(decoding: buffer.contents, as: UTF8.self)
    }

    package static func environmentVariable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}

extension TomlTable {
    /// A secret: `KEY = { credential = "NAME" }`, `{ file = "PATH" }` or `{ env = "NAME" }`.
    package func secret(_ key: String) -> SecretSource? {
        let expected = #"{ credential = "NAME" }, { file = "PATH" } or { env = "NAME" }"#
        let found: TomlTable? = value(key, expected) { if case .table(let table) = $0 { table } else { nil } }
        guard let table = found else { return nil }
        defer { table.refuseUnknownKeys() }
        let credential = table.string("credential")
        let file = table.absolutePath("file")
        let environment = table.string("env")
        switch (credential, file, environment) {
        case (let name?, nil, nil) where PathEscape.isName(name): return .credential(name)
        case (nil, let path?, nil): return .file(path)
        case (nil, nil, let name?) where !name.isEmpty:
            ChildEnvironment.hide(name)
            return .environment(name)
        default:
            problem(key, "expected one of " + expected)
            return nil
        }
    }
}
