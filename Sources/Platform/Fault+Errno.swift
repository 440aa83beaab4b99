import Glibc

extension Fault {
    /// A fault for a failed system call: `operation path: words of strerror(3)`.
    ///
    /// - Parameters:
    ///   - number: the value of `errno`, taken at once after the call.
    ///   - operation: the verb of what was tried, for example `open`.
    ///   - path: what it was tried on.
    /// - Returns: a fault whose code, hint and retry follow from the number; `io` for one that has no code of its own.
    package static func system(_ number: Int32, _ operation: String, _ path: String) -> Fault {
        let words = errorText(number)
        let code: Code
        var hint: String?
        switch number {
        case ENOENT, ENOTDIR: code = .notFound
        case EEXIST, ENOTEMPTY: code = .exists
        case EACCES, EPERM: code = .permission
        case ENOSPC, EDQUOT:
            code = .noSpace
            hint = "Free some space there and run the same command again; what is done stays done."
        case EMFILE, ENFILE, ENOMEM:
            code = .limit
            hint = "Raise the limit on open files or memory (LimitNOFILE=, MemoryMax=), or use fewer workers."
        case ESTALE, ENOTCONN:
            code = .unmounted
            hint = "The file server no longer knows this directory; mount it anew."
        case EINTR, EAGAIN, ETIMEDOUT: return Fault(.io, "\(operation) \(path): \(words)", retry: .temporary)
        default: code = .io
        }
        return Fault(code, "\(operation) \(path): \(words)", hint: hint)
    }

    /// A fault for the call that has just failed, from the current `errno`.
    package static func lastSystem(_ operation: String, _ path: String) -> Fault {
        system(errno, operation, path)
    }
}

/// The words of strerror_r(3) in lower case, as they are joined to a sentence.
package func errorText(_ number: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    // Glibc imports the XSI variant, which fills the buffer.
    _ = strerror_r(number, &buffer, buffer.count)
    let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return text.prefix(1).lowercased() + text.dropFirst()
}

/// Repeats a call that returns -1 with EINTR until it does something else; one that succeeds is a sign of life.
package func retryingInterrupts<I: SignedInteger>(_ body: () -> I) -> I {
    while true {
        let value = body()
        if value == -1 && errno == EINTR { continue }
        if value >= 0 { Pulse.process.beat() }
        return value
    }
}
