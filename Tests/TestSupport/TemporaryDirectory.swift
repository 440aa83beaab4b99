import Glibc
package import Platform

/// A new directory under TMPDIR or /tmp, removed with all below it when the object goes.
package final class TemporaryDirectory: Sendable {
    package let path: String

    /// Makes the directory, in `parent` for a test that needs a certain file system.
    package init(in parent: String? = nil) throws(Fault) {
        let place = parent ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(place)/coldchain-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .lastSystem("make directory", place) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        let name = ByteString(path).components.last ?? ""
        guard let parent = try? Directory.open(path + "/.."), (try? parent.removeTree(name)) == nil else { return }
        // A test may have taken the rights to its own directories away.
        _ = try? runBlocking(["sh", "-c", "chmod -R u+rwx \"$0\"; rm -rf \"$0\"", path])
    }
}

/// Calls `body` with the path of a new directory and removes the directory afterwards.
package func withTemporaryDirectory<R>(in parent: String? = nil, _ body: (String) throws -> R) throws -> R {
    let directory = try TemporaryDirectory(in: parent)
    return try withExtendedLifetime(directory) { try body(directory.path) }
}

/// Calls `body` with the path of a new directory and removes the directory afterwards.
package func withTemporaryDirectory<R>(
    in parent: String? = nil, isolation: isolated (any Actor)? = #isolation, _ body: (String) async throws -> R
) async throws -> R {
    let directory = try TemporaryDirectory(in: parent)
    defer { withExtendedLifetime(directory) {} }
    return try await body(directory.path)
}
