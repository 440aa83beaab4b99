import Ledger
import Logging
import Notify
import Platform
import Settings

/// Notices that some channels could not be told, each a file below `undelivered` in the state directory: every further
/// `ship notify` tries to tell them.
struct UndeliveredNotices {
    /// A notice on its way.
    private struct Letter: Codable {
        var format = JSONFile.format
        /// When it was to be told, in seconds.
        var since: Int64
        /// Whom it has not reached.
        var channels: [String]
        var notice: Notice
    }

    private let state: Directory
    private let clock: Clock
    private let log: Logger

    private static let place: ByteString = "undelivered"
    /// Nobody wants to hear of what is older.
    private static let longest: Int64 = 7 * 86_400

    /// - Parameters:
    ///   - state: the state directory.
    ///   - clock: tells how old a notice is.
    ///   - log: is told of those that are given up.
    init(_ state: Directory, clock: Clock = .system, log: Logger) {
        self.state = state
        self.clock = clock
        self.log = log
    }

    /// Keeps a notice for channels that could not be told of it.
    ///
    /// - Throws: the system's fault.
    func keep(_ notice: Notice, for channels: [String]) throws(Fault) {
        let letter = Letter(since: clock.now().seconds, channels: channels, notice: notice)
        let directory = try state.descendCreating([Self.place])
        try JSONFile.write(letter, to: ByteString("\(notice.id).json"), in: directory)
    }

    /// Tells what is kept, the oldest first; one process at a time does.
    ///
    /// - Parameters:
    ///   - known: the channels that there are.
    ///   - send: tells a notice to channels, and gives those that could not be told.
    /// - Returns: whether nothing is left.
    /// - Throws: `interrupted` after a signal; the system's fault.
    func deliver(to known: Set<String>, _ send: (Notice, [String]) -> [String]) throws(Fault) -> Bool {
        guard try state.exists(Self.place) else { return true }
        let directory = try state.directory(Self.place)
        guard let lock = try FileLock.take(".lock", in: directory) else { return true }
        defer { withExtendedLifetime(lock) {} }
        var isEmpty = true
        for (name, letter) in try letters(in: directory) {
            try Shutdown.check()
            let channels = letter.channels.filter(known.contains)
            let what = "\(letter.notice.event.rawValue) of \(letter.notice.stage) \(letter.notice.job)"
            if channels.isEmpty || clock.now().seconds - letter.since > Self.longest {
                log.warning(
                    "\(what) of \(letter.notice.at) was never told to \(letter.channels.joined(separator: ", "))")
                try directory.removeIfPresent(name)
                continue
            }
            var notice = letter.notice
            notice.isLate = true
            let failed = send(notice, channels)
            let told = channels.filter { !failed.contains($0) }
            if !told.isEmpty { log.info("told \(told.joined(separator: ", ")) of \(what), late") }
            if failed.isEmpty {
                try directory.removeIfPresent(name)
                continue
            }
            isEmpty = false
            if failed != letter.channels {
                var left = letter
                left.channels = failed
                try JSONFile.write(left, to: name, in: directory)
            }
        }
        return isEmpty
    }

    /// Those that are kept, the oldest first.
    private func letters(in directory: Directory) throws(Fault) -> [(name: ByteString, letter: Letter)] {
        var letters: [(name: ByteString, letter: Letter)] = []
        // Temporary names begin with a dot, and so does that of the lock.
        for name in try directory.names() where !name.hasPrefix(".") {
            do throws(Fault) {
                if let letter = try JSONFile.read(Letter.self, name, in: directory) { letters.append((name, letter)) }
            } catch {
                guard error.code == .damaged else { throw error }
                log.warning("a notice that could not be told is given up: \(error)")
                try directory.removeIfPresent(name)
            }
        }
        return letters.sorted { ($0.letter.since, $0.name) < ($1.letter.since, $1.name) }
    }
}
