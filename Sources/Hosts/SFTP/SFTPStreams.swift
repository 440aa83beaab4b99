import Platform

/// The connections to one host: one from the start, more when it takes longer.
final class SFTPStreams: Sendable {
    private struct State {
        var sessions: [SFTPSession]
        var connections: [SSHConnection] = []
        var given = 0
        let began = Clock.monotonic()
        var isOpening = false
        var isClosed = false
    }

    /// The connection that is there from the start, over which the tree is walked.
    let first: SFTPSession
    private let state: Monitor<State>
    private let most: Int
    private let connect: (@Sendable () throws(Fault) -> SSHConnection)?
    private let opener = ThreadCrew()

    /// Seconds for which one connection works alone: another has to be worth its handshake.
    private static let secondsAlone = 1.0

    /// Opens the first connection.
    ///
    /// - Parameters:
    ///   - most: how many there may be.
    ///   - connect: opens one.
    /// - Throws: what `connect` throws.
    init(most: Int, _ connect: @escaping @Sendable () throws(Fault) -> SSHConnection) throws(Fault) {
        let connection = try connect()
        first = connection.session
        state = Monitor(State(sessions: [connection.session], connections: [connection]))
        self.most = most
        self.connect = connect
    }

    /// Takes sessions that have been greeted; they stay their owner's.
    init(_ sessions: [SFTPSession]) {
        first = sessions[0]
        state = Monitor(State(sessions: sessions))
        most = sessions.count
        connect = nil
    }

    /// The session for the next file.
    func next() -> SFTPSession {
        let (session, mustOpen) = state.with { state -> (SFTPSession, Bool) in
            state.given += 1
            let mustOpen =
                !state.isOpening && state.sessions.count < most
                && Clock.monotonic() - state.began > Self.secondsAlone
            if mustOpen { state.isOpening = true }
            return (state.sessions[state.given % state.sessions.count], mustOpen)
        }
        if mustOpen { try? opener.start("ssh-connect") { [self] in open() } }
        return session
    }

    /// Opens the other connections; where the host refuses more, those that are there do it all.
    private func open() {
        guard let connect else { return }
        for _ in 1..<most {
            guard !state.with({ $0.isClosed }), let connection = try? connect() else { return }
            let isKept = state.with { state -> Bool in
                guard !state.isClosed else { return false }
                state.sessions.append(connection.session)
                state.connections.append(connection)
                return true
            }
            if !isKept { connection.close() }
        }
    }

    /// Ends the connections.
    func close() {
        state.with { $0.isClosed = true }
        try? opener.join()
        let connections = state.with { state in
            defer { state.connections = [] }
            return state.connections
        }
        for connection in connections { connection.close() }
    }
}
