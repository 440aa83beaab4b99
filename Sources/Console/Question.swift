import Glibc
package import Platform

/// A question to whoever sits at the terminal; where nobody does, nothing is asked.
package enum Question {
    /// Asks for a yes.
    ///
    /// - Parameter text: the question, without what can be answered.
    /// - Returns: whether the answer was yes; nothing when standard input or standard error is no terminal.
    /// - Throws: `interrupted` after a signal.
    package static func confirm(_ text: String) throws(Fault) -> Bool? {
        guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else { return nil }
        let bytes = Array("\(text) [y/N] ".utf8)
        bytes.withUnsafeBytes { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
        var answer: [UInt8] = []
        while !answer.contains(UInt8(ascii: "\n")) {
            try Shutdown.check()
            var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, 200) > 0 else { continue }
            var byte: UInt8 = 0
            guard read(STDIN_FILENO, &byte, 1) == 1, answer.count < 80 else { break }
            answer.append(byte)
        }
        let word = String(decoding: answer, as: UTF8.self).lowercased()
        return word == "y\n" || word == "yes\n"
    }
}
