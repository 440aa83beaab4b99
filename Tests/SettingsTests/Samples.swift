import Platform
import Settings
import TestSupport
import Testing

/// What the tests of this room share: settings from text, and settings folders on disk.
enum Samples {
    static let disk = VaultSettings(name: "disk", url: "file:///srv/archive", kind: .directory("/srv/archive"))
    static let second = VaultSettings(name: "second", url: "file:///srv/second", kind: .directory("/srv/second"))
    static let date = CivilDate(dayNumber: 20_777)  // 2026-11-20

    /// A job that lacks nothing; four lines, so that what a test adds begins in line 5.
    static let job = """
        kind = "hosts"
        hosts = ["h1"]
        path = "file:///mnt/{host}/{yyyy}{mm}{dd}"

        """ + "\n"

    static let bucket = VaultSettings(
        name: "cold", url: "s3://archive/lake", kind: .bucket(BucketSettings(bucket: "archive", prefix: "lake")))

    /// A job of the other kind that lacks nothing; four lines, too.
    static let lake = """
        kind = "warehouse"
        source = { bucket = "acme-lake" }
        inventory = ["s3://acme-inventory/acme-lake/daily"]

        """ + "\n"

    static func read(
        _ text: String, vaults: [VaultSettings] = [disk], file: String = "jobs.d/siem.toml"
    ) throws -> JobSettings {
        let document = try TomlDocument(bytes: Array(text.utf8), file: file)
        let job = JobSettings.read(
            document.root, name: "siem", vaults: Dictionary(uniqueKeysWithValues: vaults.map { ($0.name, $0) }))
        try document.problems.throwIfAny()
        return try #require(job)
    }

    static func fault<T>(_ body: () throws -> T) throws -> Fault {
        let fault = TestSupport.fault(body)
        return try #require(fault, "no fault was thrown")
    }

    /// Calls `body` with a new folder that holds `files`, then removes it.
    static func withFolder(_ files: [String: String], _ body: (String) throws -> Void) throws {
        try withTemporaryDirectory { path in
            let folder = try TreeBuilder(path)
            for (name, text) in files { try folder.file(ByteString(name), text: text) }
            try body(path)
        }
    }

    static func read(file: String) throws -> String {
        let file = try File.open(file)
        var bytes = [UInt8](repeating: 0, count: Int(try file.status().size))
        _ = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
