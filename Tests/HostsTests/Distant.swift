import Ledger
import Platform
import TestSupport

@testable import Hosts

/// A tree behind a server of the tests.
struct Distant: Sendable {
    let tree: SFTPTree
    let servers: [SFTPServer]
    let sessions: [SFTPSession]

    /// Connects to servers that serve this machine's files.
    ///
    /// - Parameters:
    ///   - path: the top of the tree.
    ///   - server: how the servers behave.
    ///   - streams: how many there are.
    ///   - patience: after how many seconds a silent server is given up.
    ///   - options: how the tree is read.
    /// - Throws: what the greeting throws.
    init(
        _ path: String, _ server: SFTPServer.Options = .init(), streams: Int = 1, patience: Double = 10,
        _ options: (inout SFTPTree.Options) -> Void = { _ in }
    ) throws {
        var chosen = SFTPTree.Options()
        options(&chosen)
        servers = try (0..<streams).map { _ in try SFTPServer(server) }
        sessions = try servers.map { server in
            let session = try SFTPSession(server.client, host: "host", patience: patience, rate: chosen.rate)
            try session.greet()
            return session
        }
        tree = SFTPTree(SFTPStreams(sessions), "host", path, chosen)
    }

    func stop() {
        for session in sessions { session.close() }
        for server in servers { server.stop() }
    }
}

/// Collects the tree at `path` from a server of the tests into `directory`.
func collectFromServer(
    _ path: String, into directory: String, _ server: SFTPServer.Options = .init(), streams: Int = 1,
    patience: Double = 10, workers: Int = 3, _ options: @escaping @Sendable (inout SFTPTree.Options) -> Void = { _ in }
) async throws -> Collected {
    try await onOwnThread {
        let distant = try Distant(path, server, streams: streams, patience: patience, options)
        defer { distant.stop() }
        return try collectBlocking(
            distant.tree, in: directory, held: nil, rules: .init(isAlwaysFull: false), workers: workers, now: later,
            run: "2026-11-20", place: allToAcme)
    }
}
