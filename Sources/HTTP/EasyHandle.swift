internal import CCurl
import Platform

/// A handle of libcurl's easy interface: one request at a time, on one thread at a time, with connections that are kept
/// for the next (libcurl-easy(3), libcurl-thread(3)).
struct EasyHandle: ~Copyable {
    private let raw: UnsafeMutableRawPointer
    /// CURLOPT_ERRORBUFFER: what libcurl says of a failure; owned here because it must outlive every call.
    private let words: UnsafeMutablePointer<CChar>

    init() throws(Fault) {
        try Self.initialized.get()
        guard let raw = curl_easy_init() else { throw Fault(.limit, "curl_easy_init: no memory for a handle") }
        self.raw = raw
        words = .allocate(capacity: Int(CURL_ERROR_SIZE))
        words.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        curl_easy_cleanup(raw)
        words.deallocate()
    }

    /// curl_global_init(3), once, by whoever comes first; the others wait.
    private static let initialized: Result<Void, Fault> = {
        let code = ccurl_global_init()
        return code == CURLE_OK
            ? .success(()) : .failure(Fault(.unsupported, "curl_global_init: \(Self.text(of: code))"))
    }()

    /// Forgets all options; connections stay.
    func reset() {
        curl_easy_reset(raw)
        words[0] = 0
        _ = ccurl_set_pointer(raw, CURLOPT_ERRORBUFFER, words)
    }

    // MARK: Options

    func set(_ option: CurlOption<Bool>, _ value: Bool) throws(Fault) {
        try check(ccurl_set_long(raw, option.raw, value ? 1 : 0), option.raw)
    }

    func set(_ option: CurlOption<Int>, _ value: Int) throws(Fault) {
        try check(ccurl_set_long(raw, option.raw, value), option.raw)
    }

    func set(_ option: CurlOption<Int64>, _ value: Int64) throws(Fault) {
        try check(ccurl_set_offset(raw, option.raw, curl_off_t(value)), option.raw)
    }

    func set(_ option: CurlOption<String>, _ value: String) throws(Fault) {
        try check(ccurl_set_string(raw, option.raw, value), option.raw)
    }

    /// Leaves an option without a value, also one that libcurl was built with.
    func clear(_ option: CurlOption<String>) throws(Fault) {
        try check(ccurl_set_string(raw, option.raw, nil), option.raw)
    }

    func set(_ option: CurlOption<CurlDataFunction>, _ value: @escaping CurlDataFunction) throws(Fault) {
        try check(ccurl_set_data_function(raw, option.raw, value), option.raw)
    }

    func set(_ option: CurlOption<UnsafeMutableRawPointer>, _ value: UnsafeMutableRawPointer) throws(Fault) {
        try check(ccurl_set_pointer(raw, option.raw, value), option.raw)
    }

    /// CURLOPT_SEEKFUNCTION: rewinds a body that must be sent again on another connection.
    func setSeek(_ function: @convention(c) (UnsafeMutableRawPointer?, curl_off_t, Int32) -> Int32) throws(Fault) {
        try check(ccurl_set_seek_function(raw, function), CURLOPT_SEEKFUNCTION)
    }

    /// CURLOPT_XFERINFOFUNCTION: asked about once a second whether to go on.
    func setProgress(
        _ function:
            @convention(c) (UnsafeMutableRawPointer?, curl_off_t, curl_off_t, curl_off_t, curl_off_t) -> Int32
    ) throws(Fault) {
        try check(ccurl_set_progress_function(raw, function), CURLOPT_XFERINFOFUNCTION)
    }

    /// Performs the request with these header lines; a mail has recipients instead.
    func perform(_ lines: [String], recipients: [String] = []) throws(Fault) -> CURLcode {
        let option = recipients.isEmpty ? CURLOPT_HTTPHEADER : CURLOPT_MAIL_RCPT
        var list: UnsafeMutablePointer<curl_slist>?
        defer {
            _ = ccurl_set_list(raw, option, nil)
            curl_slist_free_all(list)
        }
        for line in recipients.isEmpty ? lines : recipients {
            guard let longer = curl_slist_append(list, line) else {
                throw Fault(.limit, "curl_slist_append: no memory for a header")
            }
            list = longer
        }
        try check(ccurl_set_list(raw, option, list), option)
        return curl_easy_perform(raw)
    }

    private func check(_ code: CURLcode, _ option: CURLoption) throws(Fault) {
        guard code != CURLE_OK else { return }
        throw Fault(.unsupported, "curl_easy_setopt(\(option.rawValue)): \(Self.text(of: code))")
    }

    // MARK: Answers

    /// CURLINFO_RESPONSE_CODE.
    var status: Int {
        var value = 0
        _ = ccurl_get_long(raw, CURLINFO_RESPONSE_CODE, &value)
        return value
    }

    /// What libcurl says of a failure: the details where it left some.
    func words(for code: CURLcode) -> String {
        let details = String(cString: words)
        return details.isEmpty ? Self.text(of: code) : details
    }

    private static func text(of code: CURLcode) -> String { String(cString: curl_easy_strerror(code)) }
}
