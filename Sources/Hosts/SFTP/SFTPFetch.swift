import Glibc
import Platform

/// The whole content of a file that is small, asked for before anybody opens it: open, reads, status and close go out
/// without waiting for each other's answers.
///
/// It is kept only if the status behind the reads is the one that the walk saw; a file that changed since then is opened
/// and read anew, as a large one is.
final class SFTPFetch: Sendable {
    /// What came of it.
    enum Outcome: Sendable {
        case content([UInt8], SourceStatus)
        /// It is not the file that the walk saw.
        case changed
        case failed(Fault)
    }

    private struct State {
        var isStarted = false
        var isClaimed = false
        var bytes: [UInt8] = []
        /// Replies that are still to come.
        var missing = 0
        var isShort = false
        var attributes: SFTPAttributes?
        var fault: Fault?
        var outcome: Outcome?
    }

    let session: SFTPSession
    let path: ByteString
    let size: Int
    private let expected: SourceStatus
    private let state = Monitor(State())

    init(_ session: SFTPSession, _ path: ByteString, _ expected: SourceStatus) {
        self.session = session
        self.path = path
        self.expected = expected
        size = Int(expected.size)
    }

    private var name: String { "\(session.host):\(path)" }

    /// Sends the requests, if they have not been sent yet.
    ///
    /// - Returns: whether they have been sent by this call.
    func start() -> Bool {
        let isFirst = state.with { state in
            defer { state.isStarted = true }
            return !state.isStarted
        }
        guard isFirst else { return false }
        session.send(.open, path: path) { [self] reply in
            guard case .handle(let handle) = reply else { return finish(.failed(reply.fault("open", name))) }
            read(handle)
        }
        return true
    }

    private func read(_ handle: ByteString) {
        let step = session.limits.read
        let pieces = (size + step - 1) / step
        state.with { state in
            state.bytes = [UInt8](repeating: 0, count: size)
            state.missing = pieces + 1
        }
        for piece in 0..<pieces {
            let offset = piece * step
            let wanted = min(step, size - offset)
            session.read(handle, at: Int64(offset), count: wanted) { [self] reply in
                take { state in
                    guard case .data(let bytes) = reply else {
                        if case .status(SFTPMessage.Status.endOfFile, _) = reply {
                            state.isShort = true
                        } else {
                            state.fault = reply.fault("read", name)
                        }
                        return
                    }
                    // What is short is read again with a status before it.
                    guard bytes.count == wanted else {
                        state.isShort = true
                        return
                    }
                    state.bytes.withUnsafeMutableBytes { all in
                        UnsafeMutableRawBufferPointer(rebasing: all[offset..<offset + wanted]).copyMemory(from: bytes)
                    }
                }
            }
        }
        session.send(.fstat, handle: handle) { [self] reply in
            take { state in
                if case .attributes(let attributes) = reply {
                    state.attributes = attributes
                } else {
                    state.fault = reply.fault("stat", name)
                }
            }
        }
        session.close(handle)
    }

    /// Takes one reply; behind the last the outcome is known.
    private func take(_ body: (inout State) -> Void) {
        let isLast = state.with { state in
            body(&state)
            state.missing -= 1
            return state.missing == 0
        }
        guard isLast else { return }
        let outcome = state.with { state -> Outcome in
            if let fault = state.fault { return .failed(fault) }
            guard !state.isShort, let status = try? state.attributes?.status(name), status == expected else {
                return .changed
            }
            defer { state.bytes = [] }
            return .content(state.bytes, status)
        }
        finish(outcome)
    }

    private func finish(_ outcome: Outcome) { state.change { $0.outcome = outcome } }

    /// Makes the caller the one that takes the outcome.
    ///
    /// - Returns: false when somebody was before.
    func claim() -> Bool {
        state.with { state in
            defer { state.isClaimed = true }
            return !state.isClaimed
        }
    }

    /// Waits for the outcome, and gives it away.
    func wait() -> Outcome { state.wait(wakes: false) { $0.outcome.take() } }
}

/// A small file that has arrived whole.
final class SFTPFetchedFile: SourceFile {
    private let bytes: [UInt8]
    private let known: SourceStatus
    private let release: () -> Void

    init(_ bytes: [UInt8], _ status: SourceStatus, release: @escaping () -> Void) {
        self.bytes = bytes
        known = status
        self.release = release
    }

    var localFile: File? { nil }
    func status() throws(Fault) -> SourceStatus { known }
    func dataRanges(size: Int64) throws(Fault) -> [Range<Int64>] { size > 0 ? [0..<size] : [] }
    func close() { release() }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        let rest = bytes[Int(min(offset, Int64(bytes.count)))...].prefix(buffer.count)
        rest.withUnsafeBytes { buffer.copyMemory(from: $0) }
        return rest.count
    }
}
