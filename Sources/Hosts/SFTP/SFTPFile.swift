import Glibc
import Platform

/// An open file of a distant tree, read ahead by many requests.
///
/// One thread uses it; the session's thread fills the pieces.
final class SFTPFile: SourceFile {
    /// A piece of the file on its way.
    private final class Piece: Sendable {
        // The session's thread fills the buffer up to the change of `state`, then the reader has it.
        let offset: Int64
        let wanted: Int
        let buffer: Buffer
        let state = Monitor<Result<Void, Fault>?>(nil)

        init(_ offset: Int64, _ wanted: Int, _ buffer: Buffer) {
            self.offset = offset
            self.wanted = wanted
            self.buffer = buffer
        }

        func finish(_ result: Result<Void, Fault>) { state.change { $0 = result } }
        func wait() throws(Fault) { try state.wait { $0 }.get() }
    }

    private let session: SFTPSession
    private let handle: ByteString
    private let path: ByteString
    private let window: Int
    /// Told of the bytes that are given out.
    private let count: (Int) throws(Fault) -> Void
    private var first: SourceStatus?
    /// Where the reading ahead ends: the size when it was opened.
    private var end: Int64 = 0
    private var pieces: [Piece] = []
    private var asked: Int64 = 0
    private var spare: [Buffer] = []
    private var isClosed = false

    /// Opens a file.
    ///
    /// - Parameters:
    ///   - session: the connection.
    ///   - path: the whole path.
    ///   - window: bytes that may be under way.
    ///   - count: told of the bytes that are given out; what it throws is what the reading throws.
    /// - Throws: the server's reason.
    init(
        _ session: SFTPSession, _ path: ByteString, window: Int, _ count: @escaping (Int) throws(Fault) -> Void
    ) throws(Fault) {
        self.count = count
        self.session = session
        self.path = path
        self.window = window
        let name = "\(session.host):\(path)"
        handle = try session.wait({ (reply) throws(Fault) -> ByteString in
            guard case .handle(let handle) = reply else { throw reply.fault("open", name) }
            return handle
        }) { session.send(.open, path: path, $0) }
    }

    deinit { close() }

    private var name: String { "\(session.host):\(path)" }

    var localFile: File? { nil }
    func dataRanges(size: Int64) throws(Fault) -> [Range<Int64>] { size > 0 ? [0..<size] : [] }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        session.close(handle)
    }

    func status() throws(Fault) -> SourceStatus {
        let name = name
        let status = try session.wait({ (reply) throws(Fault) -> SourceStatus in
            guard case .attributes(let attributes) = reply else { throw reply.fault("stat", name) }
            return try attributes.status(name)
        }) { session.send(.fstat, handle: handle, $0) }
        if first == nil {
            first = status
            end = status.size
        }
        return status
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        let bytes = try bytes(at: offset, count: buffer.count)
        buffer.copyMemory(from: bytes)
        return bytes.count
    }

    func view(at offset: Int64, count: Int) throws(Fault) -> UnsafeRawBufferPointer? {
        try bytes(at: offset, count: count)
    }

    /// What has arrived at `offset`, in its piece; none at the end.
    private func bytes(at offset: Int64, count wanted: Int) throws(Fault) -> UnsafeRawBufferPointer {
        if pieces.isEmpty || offset < pieces[0].offset || offset > asked {
            pieces = []
            asked = offset
        }
        while true {
            askAhead(atLeast: wanted, from: offset)
            guard let piece = pieces.first else { return UnsafeRawBufferPointer(start: nil, count: 0) }
            try piece.wait()
            let skipped = Int(offset - piece.offset)
            guard skipped < piece.buffer.count else {
                pieces.removeFirst()
                let isEnd = piece.buffer.count < piece.wanted
                spare.append(piece.buffer)
                if isEnd { return UnsafeRawBufferPointer(start: nil, count: 0) }
                continue
            }
            let rest = UnsafeRawBufferPointer(rebasing: piece.buffer.contents[skipped...].prefix(wanted))
            try count(rest.count)
            return rest
        }
    }

    /// Asks for as much as may be under way, within the size that the file had when it was opened.
    private func askAhead(atLeast count: Int, from offset: Int64) {
        let limit = first == nil ? offset + Int64(count) : end
        let step = session.limits.read
        while asked < limit, pieces.isEmpty || Int(asked - pieces[0].offset) + step <= window {
            let wanted = Int(min(Int64(step), limit - asked))
            let buffer = spare.popLast() ?? Buffer(capacity: step)
            buffer.count = 0
            let piece = Piece(asked, wanted, buffer)
            pieces.append(piece)
            asked += Int64(wanted)
            ask(piece)
        }
    }

    private func ask(_ piece: Piece) {
        let (session, handle, name) = (session, handle, name)
        SFTPFile.ask(piece, session, handle, name)
    }

    /// A server may give less than was asked for, in the middle of a file too: the rest is asked for again.
    private static func ask(_ piece: Piece, _ session: SFTPSession, _ handle: ByteString, _ name: String) {
        let have = piece.buffer.count
        @Sendable func came(_ count: Int) {
            piece.buffer.count = have + count
            if piece.buffer.count == piece.wanted {
                piece.finish(.success(()))
            } else {
                ask(piece, session, handle, name)
            }
        }
        let at = piece.offset + Int64(have)
        session.read(handle, at: at, count: piece.wanted - have, into: piece.buffer) { reply in
            switch reply {
            case .landed(let count) where count > 0: came(count)
            case .data(let bytes) where bytes.count <= piece.wanted - have && !bytes.isEmpty:
                UnsafeMutableRawBufferPointer(rebasing: piece.buffer.bytes[have..<have + bytes.count])
                    .copyMemory(from: bytes)
                came(bytes.count)
            case .data(let bytes):
                piece.finish(
                    .failure(
                        Fault(
                            .damaged,
                            "read \(name): the server gave \(bytes.count) bytes, asked for were \(piece.wanted - have)")
                    ))
            case .status(SFTPMessage.Status.endOfFile, _): piece.finish(.success(()))
            default: piece.finish(.failure(reply.fault("read", name)))
            }
        }
    }
}
