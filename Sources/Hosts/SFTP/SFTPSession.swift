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
    private struct Landing {
        let buffer: Buffer
        let count: Int

        var room: UnsafeMutableRawBufferPointer {
            UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[buffer.count..<buffer.count + count])
        }
    }

    private struct State {
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
    private static let pieceSize = 512 << 10
    /// The most that is read beside the data of a reply that has its landing: the beginning of the next.
    private static let overflow = 16 << 10
    /// Length, type, number and the length of the data.
    private static let dataHeader = 13

    let host: String
    private let socket: StreamSocket
    private let state = Monitor(State())
    private let threads = ThreadCrew()
    private let rate: RateLimit?
    /// For how many seconds a server may owe an answer without sending a byte.
    private let patience: Double
    /// Tells why the connection may have ended.
    private let explain: @Sendable () -> Fault?

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

    // MARK: The threads

    private func send() {
        while true {
            let piece = state.wait(wakes: false) { state -> [UInt8]?? in
                if state.fault != nil { return .some(nil) }
                guard !state.isSending, !state.outgoing.bytes.isEmpty else { return nil }
                state.isSending = true
                return state.takeOutgoing()
            }
            guard let piece else { return }
            var failure: Fault?
            piece.withUnsafeBytes { do { try socket.write($0) } catch { failure = .wrapping(error) } }
            // Why it ended is what the receiving side finds out.
            if failure != nil { return }
            state.change { $0.isSending = false }
        }
    }

    /// Sends what the handlers have asked for: together, and without waking the other thread unless it has to wait.
    private func flush() {
        let piece = state.with { state -> [UInt8]? in
            guard !state.isSending, !state.outgoing.bytes.isEmpty, state.fault == nil else { return nil }
            state.isSending = true
            return state.takeOutgoing()
        }
        guard let piece else { return }
        let count = piece.withUnsafeBytes { socket.writeSome($0) }
        state.change { state in
            state.isSending = false
            if count < piece.count { state.outgoing.prepend(piece[count...]) }
        }
    }

    private func receive() {
        let buffer = Buffer(capacity: Self.pieceSize)
        socket.setReadTimeout(seconds: 1)
        state.with { $0.receiver = pthread_self() }
        do throws(Fault) {
            while true {
                let most = state.with { $0.landings.isEmpty } ? buffer.capacity : buffer.count + Self.overflow
                let room = buffer.bytes[buffer.count..<min(most, buffer.capacity)]
                buffer.count += try receive(into: UnsafeMutableRawBufferPointer(rebasing: room))
                repeat { try handlePackets(buffer) } while try land(buffer)
                flush()
            }
        } catch {
            switch error.code {
            case .interrupted: fail(error)
            case .damaged, .unreachable: fail(error.code == .damaged ? error.within("\(host): bad SFTP reply") : error)
            default: fail(Fault(.unreachable, "\(host): the connection was lost", cause: error))
            }
        }
    }

    /// Waits for bytes: into `room`, and once that is full into `overflow`.
    private func receive(
        into room: UnsafeMutableRawBufferPointer, then overflow: UnsafeMutableRawBufferPointer? = nil
    ) throws(Fault) -> Int {
        while true {
            let answer: Int?
            if let overflow {
                answer = try socket.read(into: room, then: overflow)
            } else {
                answer = try socket.read(into: room)
            }
            guard let count = answer else {
                try checkSilence()
                continue
            }
            if count == 0 { throw Fault(.unreachable, "\(host): the connection was lost") }
            let now = Clock.monotonic()
            state.with { $0.lastSign = now }
            rate?.take(count)
            return count
        }
    }

    /// Reads the data of the reply that `buffer` has the beginning of right into its landing, if it has one.
    ///
    /// - Returns: whether it did; the buffer then holds what came behind the reply.
    private func land(_ buffer: Buffer) throws(Fault) -> Bool {
        guard buffer.count >= Self.dataHeader, buffer.bytes[4] == SFTPMessage.Reply.data else { return false }
        func number(_ offset: Int) -> UInt32 {
            UInt32(bigEndian: buffer.bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
        let count = Int(number(9))
        // A reply whose lengths do not agree, or with more than was asked for, is for the handler to refuse.
        guard Int(number(0)) == Self.dataHeader - 4 + count,
            let landing = state.with({ $0.landings[number(5)] }), count <= landing.count
        else { return false }
        let request = number(5)
        let room = UnsafeMutableRawBufferPointer(rebasing: landing.room[..<count])
        var done = buffer.count - Self.dataHeader
        room.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer.bytes[Self.dataHeader..<buffer.count]))
        buffer.count = 0
        let overflow = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<Self.overflow])
        while done < count {
            // What is asked for meanwhile has to go out, or the server would wait for it.
            flush()
            done += try receive(into: UnsafeMutableRawBufferPointer(rebasing: room[done...]), then: overflow)
        }
        buffer.count = done - count
        state.with { _ = $0.landings.removeValue(forKey: request) }
        guard let handler = state.with({ $0.handlers.removeValue(forKey: request) }) else { return true }
        handler(.landed(count))
        return true
    }

    private func checkSilence() throws(Fault) {
        // Whoever waits for an answer can't look for signals itself.
        try Shutdown.check()
        let (isClosed, silence) = state.with { state in
            let isOwed = !state.handlers.isEmpty || state.greeting != nil
            return (state.fault != nil, isOwed ? Clock.monotonic() - state.lastSign : 0)
        }
        if isClosed { throw Fault(.unreachable, "\(host): the connection was closed") }
        if silence > patience {
            throw Fault(
                .unreachable, "\(host): no answer for \(Int(patience)) seconds",
                hint: "The host or its network hangs; run the same command again later.")
        }
    }

    /// Handles the whole packets and keeps the beginning of the next.
    private func handlePackets(_ buffer: Buffer) throws(Fault) {
        var start = 0
        while buffer.count - start >= 4 {
            let length = Int(UInt32(bigEndian: buffer.bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self)))
            guard length >= 5, length <= SFTPMessage.longestPacket else {
                throw Fault(
                    .damaged, "a packet of \(length) bytes",
                    hint: "If the account's shell prints something at login, let it do so only at a terminal.")
            }
            guard buffer.count - start >= 4 + length else { break }
            try handle(UnsafeRawBufferPointer(rebasing: buffer.bytes[start + 4..<start + 4 + length]))
            start += 4 + length
        }
        if start > 0 {
            let rest = buffer.count - start
            if rest > 0 {
                UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<rest])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer.bytes[start..<buffer.count]))
            }
            buffer.count = rest
        }
    }

    private func handle(_ packet: UnsafeRawBufferPointer) throws(Fault) {
        var decoder = SFTPDecoder(packet)
        let type = try decoder.byte()
        if type == SFTPMessage.Reply.version {
            guard let greeting = state.with({ $0.greeting.take() }) else {
                throw Fault(.damaged, "a second greeting")
            }
            greeting(.extended(decoder))
            return
        }
        let number = try decoder.number()
        let reply = try SFTPReply(type: type, &decoder)
        let handler = state.with { state in
            state.landings[number] = nil
            return state.handlers.removeValue(forKey: number)
        }
        guard let handler else {
            throw Fault(.damaged, "an answer to request \(number), which is not open")
        }
        handler(reply)
    }

    /// Ends everything; the first reason stays.
    private func fail(_ fault: Fault) {
        let isClosed = fault.code == .interrupted
        let reason = isClosed || fault.code == .damaged ? fault : explain() ?? fault
        let (handlers, kept) = state.change { state -> ([Handler], Fault) in
            if state.fault == nil { state.fault = reason }
            defer {
                state.handlers = [:]
                state.landings = [:]
                state.greeting = nil
            }
            return (Array(state.handlers.values) + (state.greeting.map { [$0] } ?? []), state.fault ?? reason)
        }
        socket.shutdown()
        for handler in handlers { handler(.failed(kept)) }
    }
}
