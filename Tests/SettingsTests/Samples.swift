import Glibc
import Platform
import Settings
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
        do { _ = try body() } catch { return try #require(error as? Fault) }
        Issue.record("no fault was thrown")
        throw Fault(.io, "no fault was thrown")
    }

    /// Calls `body` with a new folder that holds `files`, then removes it.
    static func withFolder(_ files: [String: String], _ body: (String) throws -> Void) throws {
        var pattern = Array("/tmp/coldchain-settings-XXXXXX".utf8CString)
        guard mkdtemp(&pattern) != nil else { throw Fault.lastSystem("make directory", "/tmp") }
        let folder = String(decoding: pattern.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            for name in files.keys { unlink("\(folder)/\(name)") }
            rmdir("\(folder)/jobs.d")
            rmdir(folder)
        }
        for (name, text) in files {
            if name.hasPrefix("jobs.d/") { mkdir("\(folder)/jobs.d", 0o700) }
            let file = try #require(fopen("\(folder)/\(name)", "w"))
            fputs(text, file)
            fclose(file)
        }
        try body(folder)
    }

    static func read(file: String) throws -> String {
        let file = try File.open(file)
        var bytes = [UInt8](repeating: 0, count: Int(try file.status().size))
        _ = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The top of the repository, from where this file lies.
    static var repository: String {
        #filePath.split(separator: "/").dropLast(3).reduce(into: "") { $0 += "/" + $1 }
    }
}
