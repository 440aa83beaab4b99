internal import CCurl
import Platform

/// Sends requests one after the other over connections that it keeps.
///
/// It belongs to one thread at a time.
///
/// libcurl calls back in the middle of a transfer, where nothing can be thrown: a fault of the body's source or of the
/// sink is kept, the transfer is aborted, and ``send(_:into:)`` throws it.
final class Transfer {
    private let handle: EasyHandle
    private let settings: HTTPSettings
    private let certificates: TrustedCertificates?

    // The request on its way.
    private var body = HTTPBody.none
    private var sent: Int64 = 0
    private var sink: (any HTTPSink)?
    private var response = HTTPResponse(status: 0)
    private var hasBegun = false
    private var received: Int64 = 0
    private var failure: Fault?

    init(_ settings: HTTPSettings) throws(Fault) {
        self.settings = settings
        certificates = settings.certificates.map { TrustedCertificates($0) }
        handle = try EasyHandle()
    }

    /// Bytes of bodies of the last request: sent, received.
    var moved: (sent: Int64, received: Int64) { (sent, received) }

    /// Sends a request and waits for the whole answer, whatever its status is.
    ///
    /// - Parameters:
    ///   - request: its body is read as it is sent.
    ///   - sink: takes the body of a success.
    /// - Returns: the answer; its body is empty where the sink took it.
    /// - Throws: `unreachable` naming the host, temporary where another attempt may succeed; `limit` for a body that is too
    ///   long to be kept; what source and sink throw; `interrupted` after a signal.
    func send(_ request: HTTPRequest, into sink: (any HTTPSink)?) throws(Fault) -> HTTPResponse {
        body = request.body
        (sent, received, hasBegun, failure) = (0, 0, false, nil)
        self.sink = sink
        response = HTTPResponse(status: 0)
        // Nothing of the request outlives it.
        defer {
            body = .none
            self.sink = nil
        }
        try configure(request)
        let code = try withExtendedLifetime(self) { () throws(Fault) in try handle.perform(Self.lines(of: request)) }
        if let failure { throw failure }
        guard code == CURLE_OK else { throw handle.fault(code, request.authority) }
        // A success without a body has not met the sink yet.
        if !hasBegun {
            response.status = handle.status
            if response.isSuccess { try sink?.begin(response) }
        }
        return response
    }

    private func configure(_ request: HTTPRequest) throws(Fault) {
        handle.reset()
        try handle.set(.noSignal, true)
        try handle.set(.protocols, "http,https")
        try handle.set(.tlsVersion, Int(CURL_SSLVERSION_TLSv1_2))
        // Object stores speak HTTP/1.1; several connections carry more than several streams on one.
        try handle.set(.httpVersion, Int(CURL_HTTP_VERSION_1_1))
        try handle.set(.pathAsIs, true)
        try handle.set(.keepAlive, true)
        try handle.set(.userAgent, settings.userAgent)
        try handle.set(.connectTimeout, settings.connectTimeout)
        try handle.set(.totalTimeout, settings.totalTimeout)
        try handle.set(.lowSpeedLimit, settings.lowSpeedLimit)
        try handle.set(.lowSpeedTime, max(settings.lowSpeedTime, request.patience ?? 0))
        try handle.set(.receiveBuffer, 512 << 10)
        try handle.set(.uploadBuffer, 512 << 10)
        try handle.set(.maximumConnections, 2)
        try certificates?.set(on: handle)
        if let bind = settings.bind { try handle.set(.interface, Self.interface(bind)) }
        if !settings.usesProxies { try handle.set(.noProxy, "*") }
        try handle.set(.url, request.url)

        let this = Unmanaged.passUnretained(self).toOpaque()
        try handle.set(.write, Self.onBody)
        try handle.set(.writeContext, this)
        try handle.set(.header, Self.onHeader)
        try handle.set(.headerContext, this)
        try handle.setProgress(Self.onProgress)
        try handle.set(.progressContext, this)
        try handle.set(.noProgress, false)

        switch request.method {
        case .get: try handle.set(.httpGet, true)
        case .head: try handle.set(.noBody, true)
        case .delete where request.body.size == 0: try handle.set(.method, request.method.rawValue)
        case .put, .post, .delete:
            // What libcurl calls an upload is any request whose body a callback gives, under whichever name.
            try handle.set(.upload, true)
            try handle.set(.method, request.method.rawValue)
            try handle.set(.uploadSize, request.body.size)
            try handle.set(.read, Self.onRead)
            try handle.set(.readContext, this)
            try handle.setSeek(Self.onSeek)
            try handle.set(.seekContext, this)
        }
    }

    /// Header lines as libcurl takes them: `Name;` is a field without a value, `Name:` leaves out one of its own.
    private static func lines(of request: HTTPRequest) -> [String] {
        var lines = request.headers.fields.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        // Without this libcurl waits a second for "100 Continue" from a server that doesn't know it.
        if request.headers["Expect"] == nil { lines.append("Expect:") }
        if request.headers["Accept"] == nil { lines.append("Accept:") }
        return lines
    }

    /// CURLOPT_INTERFACE takes names for addresses and addresses for names unless it is told which it is.
    private static func interface(_ bind: String) -> String {
        let isDotted = bind.contains(".") && bind.utf8.allSatisfy { $0 == 0x2E || (0x30...0x39).contains($0) }
        return (isDotted || bind.contains(":") ? "host!" : "if!") + bind
    }

    // MARK: Callbacks

    private static func this(_ context: UnsafeMutableRawPointer?) -> Transfer? {
        context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
    }

    private static let onBody: CurlDataFunction = { data, size, count, context in
        guard let data, let transfer = this(context) else { return 0 }
        return transfer.take(UnsafeRawBufferPointer(start: data, count: size * count)) ? size * count : 0
    }

    private static let onHeader: CurlDataFunction = { data, size, count, context in
        guard let data, let transfer = this(context) else { return 0 }
        return transfer.takeHeader(UnsafeRawBufferPointer(start: data, count: size * count)) ? size * count : 0
    }

    private static let onRead: CurlDataFunction = { data, size, count, context in
        guard let data, let transfer = this(context) else { return Int(CURL_READFUNC_ABORT) }
        return transfer.give(UnsafeMutableRawBufferPointer(start: data, count: size * count))
    }

    private static let onSeek: @convention(c) (UnsafeMutableRawPointer?, curl_off_t, Int32) -> Int32 = {
        context, offset, origin in
        guard let transfer = this(context), origin == 0 else { return CURL_SEEKFUNC_FAIL }
        transfer.sent = Int64(offset)
        return CURL_SEEKFUNC_OK
    }

    private static let onProgress:
        @convention(c) (UnsafeMutableRawPointer?, curl_off_t, curl_off_t, curl_off_t, curl_off_t) -> Int32 = {
            context, _, _, _, _ in
            guard let transfer = this(context) else { return 1 }
            // libcurl itself ends a transfer that is too slow.
            Pulse.process.beat()
            do throws(Fault) {
                try Shutdown.check()
                return 0
            } catch {
                transfer.failure = transfer.failure ?? error
                return 1
            }
        }

    private func give(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        do {
            let count = try body.read(into: buffer, at: sent)
            sent += Int64(count)
            return count
        } catch {
            failure = error
            return Int(CURL_READFUNC_ABORT)
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        do {
            if !hasBegun {
                hasBegun = true
                response.status = handle.status
                if response.isSuccess { try sink?.begin(response) }
            }
            received += Int64(bytes.count)
            if response.isSuccess, let sink {
                try sink.receive(bytes)
            } else {
                guard response.body.count + bytes.count <= settings.maximumBody else {
                    throw Fault(.limit, "the answer has more than \(settings.maximumBody) bytes")
                }
                response.body.append(contentsOf: bytes)
            }
            return true
        } catch {
            failure = .wrapping(error)
            return false
        }
    }

    /// More header bytes than this are an attack or a mistake.
    private static let maximumHeaders = 1_000

    private func takeHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
        // Each answer begins anew: "100 Continue" and a proxy's come before the one that counts.
        if bytes.starts(with: "HTTP/".utf8) {
            response.headers = HTTPHeaders()
            return true
        }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return true }
        guard response.headers.fields.count < Self.maximumHeaders else { return false }
        response.headers.append(
            String(decoding: bytes[..<colon], as: UTF8.self),
            String(decoding: Self.trimmed(bytes[(colon + 1)...]), as: UTF8.self))
        return true
    }

    private static func trimmed(_ text: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        guard let first = text.firstIndex(where: { !isSpace($0) }), let last = text.lastIndex(where: { !isSpace($0) })
        else { return text.prefix(0) }
        return text[first...last]
    }
}
