import Glibc
import Platform

/// An SFTP server of the tests: it serves a directory of this machine over a socket, honestly or as it is told.
///
/// It answers one request after the other, on a thread of its own.
final class SFTPServer: Sendable {
    /// What may be wrong with a server.
    ///
    /// Each gets the bytes of an honest reply, without the length in front, and gives what
    /// is sent instead; nothing for no reply.
    typealias Tampering = @Sendable (_ request: UInt8, _ path: String, _ reply: [UInt8]) -> [UInt8]?

    struct Options: Sendable {
        var tamper: Tampering = { $2 }
        /// Sent as it is before anything else.
        var banner: [UInt8] = []
        var version: UInt32 = 3
        /// Whether limits@openssh.com is offered.
        var offersLimits = true
        /// The most that a read gives.
        var longestRead = 255 << 10
        /// Names in one piece of a listing.
        var namesAtOnce = 100
        /// Replies are held back until so many are there, and then sent in the reverse order.
        var reversed = 1
        /// Added to every listing, before the names that are there.
        var extraNames: [(name: [UInt8], mode: UInt32, size: UInt64)] = []
        /// Whether every directory is there, though it has nothing but the extra names.
        var isLooped = false
        /// Whether listings never end.
        var isEndless = false
        /// The connection ends after so many requests.
        var dropsAfter = Int.max
        /// No request from this one on is answered, but the connection stays.
        var freezesAfter = Int.max
        /// Called before a request is answered.
        var before: @Sendable (_ request: UInt8, _ path: String) -> Void = { _, _ in }
    }

    /// The client's end.
    let client: StreamSocket
    let requests = Counter()
    /// Files and directories that are open now, and the most there were.
    let handles = Monitor((now: 0, most: 0))
    private let options: Options
    private let socket: StreamSocket
    private let thread = ThreadCrew()

    init(_ options: Options = Options()) throws(Fault) {
        let (client, descriptor) = try StreamSocket.pair("server")
        self.client = client
        self.options = options
        socket = StreamSocket(descriptor, "client")
        try thread.start("sftp-server") { [self] in
            try? serve()
            socket.shutdown()
        }
    }

    func stop() {
        client.shutdown()
        try? thread.join()
    }

    private enum Handle {
        case file(Int32)
        case directory([(name: [UInt8], status: stat)], sent: Int)
    }

    private func serve() throws {
        var open: [UInt32: (path: String, handle: Handle)] = [:]
        var nextHandle: UInt32 = 0
        var held: [[UInt8]] = []
        var input: [UInt8] = []
        defer { for (_, handle) in open.values { if case .file(let file) = handle { close(file) } } }
        if !options.banner.isEmpty { try options.banner.withUnsafeBytes { try socket.write($0) } }
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            // What is held back goes out when nothing more comes.
            var request = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
            if !held.isEmpty, poll(&request, 1, 20) == 0 {
                try send(held.reversed())
                held = []
            }
            let count = try buffer.withUnsafeMutableBytes { try socket.read(into: $0) } ?? 0
            if count == 0 { return }
            input += buffer[..<count]
            while input.count >= 4 {
                let length = Int(number(input, 0))
                guard input.count >= 4 + length else { break }
                let packet = Array(input[4..<4 + length])
                input.removeFirst(4 + length)
                requests.add(1)
                if requests.value > options.dropsAfter { return }
                if requests.value > options.freezesAfter { continue }
                guard let reply = answer(packet, &open, &nextHandle) else { continue }
                let open = open.count
                handles.with { $0 = (open, max($0.most, open)) }
                held.append(reply)
                if held.count >= options.reversed {
                    try send(held.reversed())
                    held = []
                }
            }
        }
    }

    private func send(_ replies: [[UInt8]]) throws {
        var bytes: [UInt8] = []
        for reply in replies { bytes += big(UInt32(reply.count)) + reply }
        try bytes.withUnsafeBytes { try socket.write($0) }
    }

    private func answer(
        _ packet: [UInt8], _ open: inout [UInt32: (path: String, handle: Handle)], _ nextHandle: inout UInt32
    ) -> [UInt8]? {
        let type = packet[0]
        if type == 1 {
            var reply: [UInt8] = [2] + big(options.version)
            if options.offersLimits { reply += string("limits@openssh.com") + string("1") }
            return options.tamper(type, "", reply)
        }
        let id = Array(packet[1..<5])
        let first = text(packet, 5)
        var path = first.text
        let key = first.bytes.count == 4 ? number(first.bytes, 0) : 0
        if [4, 5, 8, 12].contains(type) { path = open[key]?.path ?? "" }
        options.before(type, path)
        let body: [UInt8]
        switch type {
        case 3:
            let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
            guard file >= 0 else { return options.tamper(type, path, status(id)) }
            open[nextHandle] = (path, .file(file))
            body = [102] + id + string(big(nextHandle))
            nextHandle += 1
        case 4:
            if let old = open.removeValue(forKey: key), case .file(let file) = old.handle { close(file) }
            body = [101] + id + big(UInt32(0)) + string("") + string("")
        case 5:
            let offset = Int64(number(packet, 13)) << 32 | Int64(number(packet, 17))
            let wanted = min(Int(number(packet, 21)), options.longestRead)
            guard let old = open[key], case .file(let file) = old.handle else { return status(id, code: 4) }
            var bytes = [UInt8](repeating: 0, count: wanted)
            let count = pread(file, &bytes, wanted, off_t(offset))
            body = count > 0 ? [103] + id + string(Array(bytes[..<count])) : status(id, code: count == 0 ? 1 : 4)
        case 7, 17:
            var found = stat()
            guard (type == 7 ? lstat(path, &found) : stat(path, &found)) == 0 else {
                return options.tamper(type, path, status(id))
            }
            body = [105] + id + attributes(found)
        case 8:
            var found = stat()
            guard let old = open[key], case .file(let file) = old.handle, fstat(file, &found) == 0 else {
                return status(id, code: 4)
            }
            body = [105] + id + attributes(found)
        case 11:
            guard let names = list(path) else { return options.tamper(type, path, status(id)) }
            open[nextHandle] = (path, .directory(names, sent: 0))
            body = [102] + id + string(big(nextHandle))
            nextHandle += 1
        case 12:
            guard case .directory(let names, let sent) = open[key]?.handle else { return status(id, code: 4) }
            var piece = Array(names.dropFirst(sent).prefix(options.namesAtOnce))
            if piece.isEmpty, options.isEndless, let any = names.first {
                piece = (0..<options.namesAtOnce).map { (Array("\(sent + $0)".utf8), any.status) }
            }
            guard !piece.isEmpty else { return options.tamper(type, path, status(id, code: 1)) }
            open[key] = (path, .directory(names, sent: sent + piece.count))
            body =
                [104] + id + big(UInt32(piece.count))
                + piece.flatMap { string($0.name) + string("long name") + attributes($0.status) }
        case 19:
            var target = [CChar](repeating: 0, count: 8_192)
            let count = readlink(path, &target, target.count)
            guard count >= 0 else { return options.tamper(type, path, status(id)) }
            body =
                [104] + id + big(UInt32(1)) + string(target[..<count].map { UInt8(bitPattern: $0) }) + string("")
                + big(UInt32(0))
        case 200:
            let limits = [UInt64(256 << 10), UInt64(options.longestRead), UInt64(255 << 10), 100]
            body = [201] + id + limits.flatMap { big($0) }
        default: body = status(id, code: 8)
        }
        return options.tamper(type, path, body)
    }

    private func list(_ path: String) -> [(name: [UInt8], status: stat)]? {
        let stream = opendir(path)
        defer { if let stream { closedir(stream) } }
        guard stream != nil || options.isLooped else { return nil }
        var names = options.extraNames.map { extra -> (name: [UInt8], status: stat) in
            var status = stat()
            status.st_mode = extra.mode
            status.st_size = off_t(truncatingIfNeeded: extra.size)
            return (extra.name, status)
        }
        while let stream, let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: UInt8.self, capacity: 256) {
                    Array(UnsafeBufferPointer(start: $0, count: strlen($0)))
                }
            }
            var status = stat()
            let full = ByteString(bytes: Array(path.utf8) + [0x2F] + name)
            guard full.withCString({ lstat($0, &status) }) == 0 else { continue }
            names.append((name, status))
        }
        return names
    }

    private func status(_ id: [UInt8], code: UInt32? = nil) -> [UInt8] {
        let known: UInt32 =
            switch errno {
            case ENOENT, ENOTDIR: 2
            case EACCES, EPERM: 3
            default: 4
            }
        return [101] + id + big(code ?? known) + string("words of the server") + string("en")
    }

    private func attributes(_ status: stat) -> [UInt8] {
        big(UInt32(15)) + big(UInt64(truncatingIfNeeded: status.st_size)) + big(status.st_uid) + big(status.st_gid)
            + big(status.st_mode)
            + big(UInt32(truncatingIfNeeded: status.st_atim.tv_sec))
            + big(UInt32(truncatingIfNeeded: status.st_mtim.tv_sec))
    }

    private func number(_ bytes: [UInt8], _ at: Int) -> UInt32 {
        bytes.withUnsafeBytes { UInt32(bigEndian: $0.loadUnaligned(fromByteOffset: at, as: UInt32.self)) }
    }

    /// Names of the tests' files may be no UTF-8, but C takes the bytes of such a string as they are.
    private func text(_ packet: [UInt8], _ at: Int) -> (bytes: [UInt8], text: String) {
        let length = Int(number(packet, at))
        let bytes = Array(packet[(at + 4)..<(at + 4 + length)])
        return (bytes, String(decoding: bytes, as: UTF8.self))
    }

    private func string(_ text: String) -> [UInt8] { string(Array(text.utf8)) }
    private func string(_ bytes: [UInt8]) -> [UInt8] { big(UInt32(bytes.count)) + bytes }
    private func big<I: FixedWidthInteger>(_ value: I) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
}
