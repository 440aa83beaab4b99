internal import CCurl
import Platform

extension EasyHandle {
    /// libcurl's word on a transfer that gave no answer (libcurl-errors(3)), about what it was sent to.
    func fault(_ code: CURLcode, _ subject: String) -> Fault {
        let words = words(for: code)
        let message = "\(subject): \(words.prefix(1).lowercased() + words.dropFirst())"
        switch code {
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CERTPROBLEM:
            return Fault(
                .unreachable, message,
                hint: "Set ca_file to the certificate of the authority that signed the server's, or have it renewed.")
        case CURLE_INTERFACE_FAILED:
            return Fault(
                .unreachable, message, hint: "Set bind to an address or an interface of this machine.")
        case CURLE_URL_MALFORMAT: return Fault(.settings, message)
        case CURLE_OUT_OF_MEMORY: return Fault(.limit, message)
        default: return Fault(.unreachable, message, retry: .temporary)
        }
    }
}
