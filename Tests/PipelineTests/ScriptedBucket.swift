import FoundationEssentials
import Platform
import TestSupport

/// A bucket whose content is that of a vault in a directory, as a store of archive classes gives it: archives can't be read
/// before they were restored, and how far that is, the test says.
final class ScriptedBucket: Sendable {
    /// How far the restore of an archive is.
    enum Thaw: Sendable, Equatable {
        case archived, ongoing
        case done(expires: String)
    }

    private struct State: Sendable {
        var thaws: [String: Thaw] = [:]
        /// What was asked for: key and document.
        var asked: [(key: String, document: String)] = []
        /// Bytes of archives that were sent, and the requests for them.
        var sent = 0
        var requests = 0
    }
    private let state: Monitor<State>
    private let server: LoopbackServer

    static let name = "bucket"

    /// - Parameter root: the directory; keys are the paths below it.
    /// - Throws: the system's fault when there is no port left.
    init(_ root: String) throws {
        let state = Monitor(State())
        self.state = state
        server = try LoopbackServer { request, _ in
            do { return try Self.answer(request, root, state) } catch { return .status(500, "\(error)") }
        }
    }

    var url: String { server.url }
    var asked: [(key: String, document: String)] { state.with { $0.asked } }
    var sent: (requests: Int, bytes: Int) { state.with { ($0.requests, $0.sent) } }

    func set(_ thaw: Thaw, _ selects: @Sendable (String) -> Bool = { _ in true }) {
        state.with { state in
            for key in state.thaws.keys where selects(key) { state.thaws[key] = thaw }
        }
    }

    private static func answer(_ request: LoopbackServer.Request, _ root: String, _ state: Monitor<State>) throws
        -> LoopbackServer.Answer
    {
        let parts = request.path.split(separator: "?", maxSplits: 1)
        let path = PathEscape.unescape(String(parts[0]))?.description ?? ""
        let query = parts.count > 1 ? String(parts[1]) : ""
        let key = path.split(separator: "/", maxSplits: 1).dropFirst().first.map(String.init) ?? ""
        if key.isEmpty { return try list(query, root) }
        let (directory, name) = Pipeline.split(root + "/" + key)
        let bytes: [UInt8]
        do { bytes = try Directory.open(directory).readFile(ByteString(name)) } catch {
            return failure("NoSuchKey", 404, isHead: request.method == "HEAD")
        }
        let isArchive = key.hasSuffix(".tar.gz")
        let thaw = state.with { state in
            if isArchive, state.thaws[key] == nil { state.thaws[key] = .archived }
            return state.thaws[key]
        }
        if request.method == "POST" { return restore(key, thaw, request.body, state) }
        var headers = ["ETag": "\"\(name)\"", "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"]
        if isArchive { headers["x-amz-storage-class"] = "DEEP_ARCHIVE" }
        switch thaw {
        case .ongoing: headers["x-amz-restore"] = "ongoing-request=\"true\""
        case .done(let expires):
            headers["x-amz-restore"] = "ongoing-request=\"false\", expiry-date=\"\(expires)\""
        case .archived, nil: break
        }
        if request.method == "HEAD" { return .content(bytes, headers: headers, isHead: true) }
        if thaw == .archived || thaw == .ongoing { return failure("InvalidObjectState", 403) }
        let range = Self.range(request.headers["range"] ?? "", bytes.count)
        headers["Content-Range"] = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(bytes.count)"
        if isArchive {
            state.with { state in
                state.sent += range.count
                state.requests += 1
            }
        }
        return .content(Array(bytes[range]), status: 206, headers: headers)
    }

    private static func range(_ header: String, _ count: Int) -> Range<Int> {
        let numbers = header.dropFirst("bytes=".count).split(separator: "-").compactMap { Int($0) }
        return numbers.count == 2 ? numbers[0]..<min(numbers[1] + 1, count) : 0..<count
    }

    private static func restore(_ key: String, _ thaw: Thaw?, _ document: String, _ state: Monitor<State>)
        -> LoopbackServer.Answer
    {
        state.with { $0.asked.append((key, document)) }
        switch thaw {
        case nil: return failure("InvalidObjectState", 403)
        case .ongoing: return failure("RestoreAlreadyInProgress", 409)
        case .done(let expires) where !expires.contains("1994"): return .status(200)
        case .archived, .done:
            state.with { $0.thaws[key] = .ongoing }
            return .status(202)
        }
    }

    private static func failure(_ code: String, _ status: Int, isHead: Bool = false) -> LoopbackServer.Answer {
        let body = "<Error><Code>\(code)</Code><Message>as the test has it</Message></Error>"
        return .content(Array(body.utf8), status: status, isHead: isHead)
    }

    private static func list(_ query: String, _ root: String) throws -> LoopbackServer.Answer {
        var prefix = ""
        for pair in query.split(separator: "&") where pair.hasPrefix("prefix=") {
            prefix = PathEscape.unescape(String(pair.dropFirst("prefix=".count)))?.description ?? ""
        }
        var walk = try DirectoryWalk(try Directory.open(root))
        var keys: [String] = []
        while let step = try walk.next() {
            let path = step.path.description
            if path.hasPrefix(prefix), !path.hasSuffix("/"), !path.hasPrefix(".") { keys.append(path) }
        }
        var body = "<ListBucketResult><IsTruncated>false</IsTruncated>"
        for key in keys.sorted() {
            let (directory, name) = Pipeline.split(root + "/" + key)
            guard let status = try? Directory.open(directory).status(ByteString(name)), status.kind == .file else {
                continue
            }
            body +=
                "<Contents><Key>\(key)</Key><Size>\(status.size)</Size><ETag>\"\(name)\"</ETag><LastModified>2025-11-20T00:00:00.000Z</LastModified><StorageClass>STANDARD</StorageClass></Contents>"
        }
        return .status(200, body + "</ListBucketResult>")
    }
}
