import Glibc
import Ledger
package import Platform

/// What goes to stdout: results, as text or as JSON.
package struct Output: Sendable {
    package let isJSON: Bool

    package init(isJSON: Bool) { self.isJSON = isJSON }

    package func line(_ text: String) {
        print(text)
    }

    /// Prints `value` as JSON, or the text that `text` gives.
    package func result(_ value: some Encodable, text: () -> String) throws(Fault) {
        if isJSON {
            try Self.write(try JSONFile.encode(value))
        } else {
            let text = text()
            if !text.isEmpty { print(text) }
        }
    }

    /// Prints `value` as JSON on one line, for lists that are too long for one document.
    package static func writeLine(_ value: some Encodable) throws(Fault) {
        print(String(decoding: try JSONFile.encodeLine(value), as: UTF8.self))
    }

    /// Writes bytes to stdout as they are.
    package static func write(_ bytes: [UInt8]) throws(Fault) {
        var failure: Fault?
        bytes.withUnsafeBytes { do { try write($0) } catch { failure = .wrapping(error) } }
        if let failure { throw failure }
    }

    package static func write(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
        fflush(nil)
        var done = 0
        while done < bytes.count {
            let count = retryingInterrupts {
                Glibc.write(STDOUT_FILENO, bytes.baseAddress?.advanced(by: done), bytes.count - done)
            }
            guard count >= 0 else { throw lastFault() }
            done += count
        }
    }

    /// What `errno` says of a write to stdout.
    static func lastFault() -> Fault {
        errno == EPIPE ? Fault(.readerGone, "nobody reads stdout any more") : .lastSystem("write", "stdout")
    }
}
