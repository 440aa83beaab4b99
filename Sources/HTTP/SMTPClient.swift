internal import CCurl
package import Platform

/// Hands mails to a server (RFC 5321) through libcurl.
package struct SMTPClient: Sendable {
    package enum Encryption: Sendable {
        /// STARTTLS where the server offers it, and in any case where somebody logs in.
        case opportunistic
        /// STARTTLS or no mail.
        case required
        case never
    }

    /// `smtp://HOST[:PORT]` or `smtps://HOST[:PORT]`.
    package var server: String
    package var encryption: Encryption
    /// A file with certificates in PEM, or a directory of them, that are trusted instead of the system's.
    package var certificates: String?
    package var user: String?
    package var password: String?

    package init(
        server: String, encryption: Encryption = .opportunistic, certificates: String? = nil, user: String? = nil,
        password: String? = nil
    ) {
        self.server = server
        self.encryption = encryption
        self.certificates = certificates
        self.user = user
        self.password = password
    }

    /// The message while libcurl reads it.
    private final class Reading {
        let bytes: [UInt8]
        var offset = 0

        init(_ bytes: [UInt8]) { self.bytes = bytes }
    }

    /// Why a message was not taken.
    private struct Refusal {
        var fault: Fault
        /// Whether it is what the server answered to the message or to an address.
        var isAnswer: Bool
    }

    /// Sends a message; where the server refuses it for all together, to each recipient alone.
    ///
    /// - Parameters:
    ///   - message: header and body (RFC 5322), with CRLF at each line's end.
    ///   - sender: the address that bounces go to.
    ///   - recipients: addresses.
    /// - Returns: the recipients that were refused while others were not, with the server's words.
    /// - Throws: `unreachable` with the server's words, when nobody gets it; temporary where another try may succeed.
    package func send(
        _ message: [UInt8], from sender: String, to recipients: [String]
    ) throws(Fault) -> [(recipient: String, fault: Fault)] {
        guard let refusal = try deliver(message, from: sender, to: recipients) else { return [] }
        guard refusal.isAnswer, recipients.count > 1 else { throw refusal.fault }
        var refused: [(recipient: String, fault: Fault)] = []
        for recipient in recipients {
            if let alone = try deliver(message, from: sender, to: [recipient]) {
                refused.append((recipient, alone.fault))
            }
        }
        if refused.count == recipients.count { throw refusal.fault }
        return refused
    }

    /// Gives nothing where the server has taken it.
    private func deliver(
        _ message: [UInt8], from sender: String, to recipients: [String]
    ) throws(Fault) -> Refusal? {
        let handle = try EasyHandle()
        handle.reset()
        try handle.set(.noSignal, true)
        try handle.set(.protocols, "smtp,smtps")
        try handle.set(.tlsVersion, Int(CURL_SSLVERSION_TLSv1_2))
        try handle.set(.url, server)
        try handle.set(.connectTimeout, 20)
        try handle.set(.totalTimeout, 120)
        try handle.set(.mailFrom, "<\(sender)>")
        switch encryption {
        // Whoever takes the word STARTTLS out of the server's greeting must not get a password for it.
        case .opportunistic:
            try handle.set(.useTLS, Int((user == nil ? CURLUSESSL_TRY : CURLUSESSL_ALL).rawValue))
        case .required: try handle.set(.useTLS, Int(CURLUSESSL_ALL.rawValue))
        case .never: try handle.set(.useTLS, Int(CURLUSESSL_NONE.rawValue))
        }
        if let certificates { try TrustedCertificates(certificates).set(on: handle) }
        if let user, let password {
            try handle.set(.user, user)
            try handle.set(.password, password)
        }
        let reading = Reading(message)
        try handle.set(.upload, true)
        try handle.set(.uploadSize, Int64(message.count))
        try handle.set(.read, Self.onRead)
        try handle.set(.readContext, Unmanaged.passUnretained(reading).toOpaque())
        let code = try withExtendedLifetime(reading) { () throws(Fault) in
            try handle.perform([], recipients: recipients.map { "<\($0)>" })
        }
        guard code != CURLE_OK else { return nil }
        // 4xx is the server's "later" (RFC 5321, 4.2.1); 5xx is its last word.
        let status = handle.status
        var fault = handle.fault(code, server)
        if (500..<600).contains(status) || code == CURLE_LOGIN_DENIED { fault.retry = .permanent }
        // libcurl's word for an answer to MAIL, RCPT or DATA that is no yes.
        return Refusal(fault: fault, isAnswer: code == CURLE_SEND_ERROR && (400..<600).contains(status))
    }

    private static let onRead: CurlDataFunction = { data, size, count, context in
        guard let data, let context else { return Int(CURL_READFUNC_ABORT) }
        let reading = Unmanaged<Reading>.fromOpaque(context).takeUnretainedValue()
        let taken = min(size * count, reading.bytes.count - reading.offset)
        UnsafeMutableRawBufferPointer(start: data, count: taken)
            .copyBytes(from: reading.bytes[reading.offset..<reading.offset + taken])
        reading.offset += taken
        return taken
    }
}
