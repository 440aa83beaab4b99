import Glibc

/// Whether messages go to the journal.
package enum Journal {
    /// Whether stderr is the stream that systemd connected to the journal: `JOURNAL_STREAM` has its device and inode.
    ///
    /// The variable alone is no sign, since programs that a service starts inherit it, whatever their stderr is
    /// (systemd.exec(5)).
    package static var isStandardError: Bool {
        guard let stream = getenv("JOURNAL_STREAM") else { return false }
        var status = stat()
        guard fstat(STDERR_FILENO, &status) == 0 else { return false }
        return String(cString: stream) == "\(status.st_dev):\(status.st_ino)"
    }
}
