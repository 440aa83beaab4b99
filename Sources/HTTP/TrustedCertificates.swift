import Platform

/// Certificates that are trusted instead of the system's.
enum TrustedCertificates: Sendable {
    /// A file with certificates in PEM.
    case file(String)
    /// A directory of them, by names as c_rehash(1) gives them.
    case directory(String)

    init(_ path: String) {
        self = (try? Directory.open(path)) != nil ? .directory(path) : .file(path)
    }

    /// Makes a handle trust them alone: libcurl knows a file and a directory of the system's, and replaces only the one that
    /// is set (CURLOPT_CAINFO(3), CURLOPT_CAPATH(3)).
    func set(on handle: borrowing EasyHandle) throws(Fault) {
        switch self {
        case .file(let path):
            try handle.set(.certificateFile, path)
            try handle.clear(.certificateDirectory)
        case .directory(let path):
            try handle.set(.certificateDirectory, path)
            try handle.clear(.certificateFile)
        }
    }
}
