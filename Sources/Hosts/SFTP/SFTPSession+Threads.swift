import Glibc
import Platform

/// The two threads of a session: one writes what has come together, the other reads replies and hands them on.
extension SFTPSession {
    func send() {
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

    func receive() {
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
    func fail(_ fault: Fault) {
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
