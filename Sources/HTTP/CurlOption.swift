internal import CCurl

/// An option of libcurl with the type of its value, so that a value of another type does not compile.
struct CurlOption<Value> {
    let raw: CURLoption
}

extension CurlOption where Value == Bool {
    static var noSignal: Self { Self(raw: CURLOPT_NOSIGNAL) }
    static var noBody: Self { Self(raw: CURLOPT_NOBODY) }
    static var httpGet: Self { Self(raw: CURLOPT_HTTPGET) }
    static var upload: Self { Self(raw: CURLOPT_UPLOAD) }
    static var pathAsIs: Self { Self(raw: CURLOPT_PATH_AS_IS) }
    static var keepAlive: Self { Self(raw: CURLOPT_TCP_KEEPALIVE) }
    static var noProgress: Self { Self(raw: CURLOPT_NOPROGRESS) }
}

extension CurlOption where Value == Int {
    static var tlsVersion: Self { Self(raw: CURLOPT_SSLVERSION) }
    static var httpVersion: Self { Self(raw: CURLOPT_HTTP_VERSION) }
    static var connectTimeout: Self { Self(raw: CURLOPT_CONNECTTIMEOUT) }
    static var totalTimeout: Self { Self(raw: CURLOPT_TIMEOUT) }
    static var lowSpeedLimit: Self { Self(raw: CURLOPT_LOW_SPEED_LIMIT) }
    static var useTLS: Self { Self(raw: CURLOPT_USE_SSL) }
    static var lowSpeedTime: Self { Self(raw: CURLOPT_LOW_SPEED_TIME) }
    static var receiveBuffer: Self { Self(raw: CURLOPT_BUFFERSIZE) }
    static var uploadBuffer: Self { Self(raw: CURLOPT_UPLOAD_BUFFERSIZE) }
    static var maximumConnections: Self { Self(raw: CURLOPT_MAXCONNECTS) }
}

extension CurlOption where Value == Int64 {
    static var uploadSize: Self { Self(raw: CURLOPT_INFILESIZE_LARGE) }
}

extension CurlOption where Value == String {
    static var url: Self { Self(raw: CURLOPT_URL) }
    static var method: Self { Self(raw: CURLOPT_CUSTOMREQUEST) }
    static var protocols: Self { Self(raw: CURLOPT_PROTOCOLS_STR) }
    static var certificateFile: Self { Self(raw: CURLOPT_CAINFO) }
    static var certificateDirectory: Self { Self(raw: CURLOPT_CAPATH) }
    static var interface: Self { Self(raw: CURLOPT_INTERFACE) }
    static var noProxy: Self { Self(raw: CURLOPT_NOPROXY) }
    static var userAgent: Self { Self(raw: CURLOPT_USERAGENT) }
    static var mailFrom: Self { Self(raw: CURLOPT_MAIL_FROM) }
    static var user: Self { Self(raw: CURLOPT_USERNAME) }
    static var password: Self { Self(raw: CURLOPT_PASSWORD) }
}

/// CURLOPT_READFUNCTION, CURLOPT_WRITEFUNCTION and CURLOPT_HEADERFUNCTION.
typealias CurlDataFunction = @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int

extension CurlOption where Value == CurlDataFunction {
    static var read: Self { Self(raw: CURLOPT_READFUNCTION) }
    static var write: Self { Self(raw: CURLOPT_WRITEFUNCTION) }
    static var header: Self { Self(raw: CURLOPT_HEADERFUNCTION) }
}

extension CurlOption where Value == UnsafeMutableRawPointer {
    static var readContext: Self { Self(raw: CURLOPT_READDATA) }
    static var writeContext: Self { Self(raw: CURLOPT_WRITEDATA) }
    static var headerContext: Self { Self(raw: CURLOPT_HEADERDATA) }
    static var seekContext: Self { Self(raw: CURLOPT_SEEKDATA) }
    static var progressContext: Self { Self(raw: CURLOPT_XFERINFODATA) }
}
