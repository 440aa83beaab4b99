import Glibc
import Platform

/// One connection to an SFTP server: any number of requests under way, replies in any order.
///
/// A request never waits: it is put into the outgoing buffer, which a thread of its own writes in pieces as large as
/// have come together. Another thread reads the replies and calls the handlers, which must not wait either.
final class SFTPSession: Sendable {
    /// Takes the reply; called once, on the reading thread, or on any when the connection is lost.
    typealias Handler = @Sendable (SFTPReply) -> Void

    /// What the server has told about itself.
    struct Limits: Sendable {
        /// The most bytes that one read gives.
        var read = SFTPMessage.plainRead
        /// How many files may be open at once.
        var handles = 64
    }

    /// A place for the data of one reply: behind what the buffer holds already.
    struct Landing {
        let buffer: Buffer
        let count: Int

        var room: UnsafeMutableRawBufferPointer {
            UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[buffer.count..<buffer.count + count])
        }
    }

    struct State {
        var outgoing = SFTPEncoder()
        var handlers: [UInt32: Handler] = [:]
        /// Where the data goes that some of the requests under way ask for.
        var landings: [UInt32: Landing] = [:]
        var nextNumber: UInt32 = 0
        var fault: Fault?
        var limits = Limits()
        /// Whether a thread is writing to the connection.
        var isSending = false
        var receiver: pthread_t?
        /// The reply to the first packet, which has no number.
        var greeting: Handler?
        /// When the server sent something, or was asked for something after it owed nothing.
        var lastSign = 0.0

        mutating func takeOutgoing() -> [UInt8] {
            defer { outgoing = SFTPEncoder() }
            return outgoing.bytes
        }
    }

    /// The most that is read from the connection at once.
    static let pieceSize = 512 << 10
    /// The most that is read beside the data of a reply that has its landing: the beginning of the next.
    static let overflow = 16 << 10
    /// Length, type, number and the length of the data.
    static let dataHeader = 13

    let host: String
    let socket: StreamSocket
    let state = Monitor(State())
    private let threads = ThreadCrew()
    let rate: RateLimit?
    /// For how many seconds a server may owe an answer without sending a byte.
    let patience: Double
    /// Tells why the connection may have ended.
    let explain: @Sendable () -> Fault?

    /// Starts the threads; ``greet()`` comes next.
    ///
    /// - Parameters:
    ///   - socket: the connection.
    ///   - host: what stands in messages.
    ///   - patience: for how many seconds a server may owe an answer without sending a byte.
    ///   - rate: what limits the reading.
    ///   - explain: asked for the reason when the connection has ended.
    /// - Throws: `limit` when the system has no thread left.
    init(
        _ socket: StreamSocket, host: String, patience: Double, rate: RateLimit?,
        explain: @escaping @Sendable () -> Fault? = { nil }
    ) throws(Fault) {
        self.socket = socket
        self.host = host
        self.patience = patience
        self.rate = rate
        self.explain = explain
        try threads.start("sftp-send") { [self] in send() }
        do { try threads.start("sftp-receive") { [self] in receive() } } catch {
            close()
            throw error
        }
    }

    var limits: Limits { state.with { $0.limits } }

    /// Ends the connection; every request under way fails.
    func close() {
        fail(Fault(.interrupted, "\(host): the connection was closed"))
        try? threads.join()
    }

    // MARK: Requests

    /// Sends a request.
    ///
    /// - Parameters:
    ///   - type: the kind of the request.
    ///   - body: appends what stands behind the request's number.
    ///   - handler: takes the reply.
    func send(_ type: SFTPMessage.Request, _ body: (inout SFTPEncoder) -> Void, _ handler: @escaping Handler) {
        send(type, landing: nil, body, handler)
    }

    private func send(
        _ type: SFTPMessage.Request, landing: Landing?, _ body: (inout SFTPEncoder) -> Void,
        _ handler: @escaping Handler
    ) {
        let (fault, isHandling) = state.with { state -> (Fault?, Bool) in
            if let fault = state.fault { return (fault, false) }
            if state.handlers.isEmpty { state.lastSign = Clock.monotonic() }
            let number = state.nextNumber
            state.nextNumber &+= 1
            state.handlers[number] = handler
            if let landing { state.landings[number] = landing }
            state.outgoing.packet { packet in
                packet.append(type.rawValue)
                packet.append(number)
                body(&packet)
            }
            // What a handler asks for goes out when all that has arrived has been handled.
            return (nil, state.receiver.map { pthread_equal($0, pthread_self()) != 0 } ?? false)
        }
        if let fault {
            handler(.failed(fault))
        } else if !isHandling {
            state.change { _ in }
        }
    }

    /// Sends a request about a path.
    func send(_ type: SFTPMessage.Request, path: ByteString, _ handler: @escaping Handler) {
        send(
            type,
            { packet in
                packet.append(path)
                guard type == .open else { return }
                packet.append(SFTPMessage.openForReading)
                packet.append(UInt32(0))
            }, handler)
    }

    /// Sends a request about an open handle.
    func send(_ type: SFTPMessage.Request, handle: ByteString, _ handler: @escaping Handler) {
        send(type, { $0.append(handle) }, handler)
    }

    func read(_ handle: ByteString, at offset: Int64, count: Int, _ handler: @escaping Handler) {
        read(handle, at: offset, count: count, landing: nil, handler)
    }

    /// Reads data to where it will stay: what has not come with other replies is read from the connection right into its
    /// place.
    ///
    /// - Parameters:
    ///   - handle: the open file.
    ///   - offset: the first byte that is wanted.
    ///   - count: the most bytes that are wanted.
    ///   - buffer: takes up to `count` bytes behind those that it counts; its count does not change. Nobody else touches it
    ///     until the handler is called.
    ///   - handler: takes the reply: `landed`, or `data` that is still to be copied.
    func read(
        _ handle: ByteString, at offset: Int64, count: Int, into buffer: Buffer, _ handler: @escaping Handler
    ) {
        read(handle, at: offset, count: count, landing: Landing(buffer: buffer, count: count), handler)
    }

    private func read(
        _ handle: ByteString, at offset: Int64, count: Int, landing: Landing?, _ handler: @escaping Handler
    ) {
        send(
            .read, landing: landing,
            { packet in
                packet.append(handle)
                packet.append(UInt64(offset))
                packet.append(UInt32(count))
            }, handler)
    }

    /// Closes a handle; there is nothing that could fail.
    func close(_ handle: ByteString) { send(.close, handle: handle) { _ in } }

    /// Sends a request and waits for what `result` makes of the reply.
    func wait<Result: Sendable>(
        _ result: @escaping @Sendable (SFTPReply) throws(Fault) -> Result,
        sending request: (@escaping Handler) -> Void
    ) throws(Fault) -> Result {
        let answer = Monitor<Swift.Result<Result, Fault>?>(nil)
        request { reply in
            let made: Swift.Result<Result, Fault>
            do throws(Fault) { made = .success(try result(reply)) } catch { made = .failure(error) }
            answer.change { $0 = made }
        }
        return try answer.wait { $0 }.get()
    }

    // MARK: The beginning

    /// Exchanges versions, and asks for the limits where the server tells them.
    ///
    /// - Throws: `unreachable` when the connection ends, with the reason as ssh tells it; `unsupported` for a server that
    ///   does not speak version 3.
    func greet() throws(Fault) {
        let (version, extensions) = try wait({ (reply) throws(Fault) -> (UInt32, Set<ByteString>) in
            guard case .extended(var decoder) = reply else { throw reply.fault("greet", self.host) }
            let version = try decoder.number()
            var extensions: Set<ByteString> = []
            while decoder.remaining > 0 && extensions.count < 64 {
                let name = ByteString(try decoder.string())
                _ = try decoder.string()
                extensions.insert(name)
            }
            return (version, extensions)
        }) { handler in
            let fault = state.change { state -> Fault? in
                if let fault = state.fault { return fault }
                state.greeting = handler
                state.lastSign = Clock.monotonic()
                state.outgoing.packet { packet in
                    packet.append(SFTPMessage.Request.initialize.rawValue)
                    packet.append(SFTPMessage.version)
                }
                return nil
            }
            if let fault { handler(.failed(fault)) }
        }
        guard version >= SFTPMessage.version else {
            throw Fault(.unsupported, "\(host): the SFTP server speaks version \(version), expected 3")
        }
        guard extensions.contains("limits@openssh.com") else { return }
        let limits = try wait({ (reply) throws(Fault) -> Limits in
            guard case .extended(var decoder) = reply else { return Limits() }
            var limits = Limits()
            _ = try decoder.longNumber()
            let read = try decoder.longNumber()
            _ = try decoder.longNumber()
            let handles = try decoder.longNumber()
            // Never more than what fits into a packet that is taken here.
            if read > 0 { limits.read = Int(min(read, UInt64(SFTPMessage.longestPacket - 1_024))) }
            // 0 means that there is no limit.
            if handles > 0 { limits.handles = Int(min(handles, 1_024)) }
            return limits
        }) { handler in
            send(.extended, { $0.append("limits@openssh.com") }, handler)
        }
        state.with { $0.limits = limits }
    }
}
