/// What leaves a room when something goes wrong: which thing, what happened, what to do, and whether trying again helps.
///
/// The message starts in lower case and ends without a full stop, so that faults chain with `: `; advice is a sentence
/// in ``hint``. Only a door prints a fault, and only `Console` turns its code into an exit status.
package struct Fault: Error, Sendable, CustomStringConvertible {
    /// The kind of a fault.
    ///
    /// A struct over a private enum, so that kinds may be added without breaking a switch.
    package struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case usage, settings, tryLater, interrupted, readerGone
            case io, noSpace, notFound, exists, permission
            case damaged, changed, unmounted, unreachable, limit, unsupported, incomplete
        }
        private let kind: Kind
        private init(_ kind: Kind) { self.kind = kind }

        /// The command line asks for something that cannot be.
        package static let usage = Code(.usage)
        /// A settings file is wrong.
        package static let settings = Code(.settings)
        /// Nothing is broken; the work can't be done now (lock held, upstream not ready, paused).
        package static let tryLater = Code(.tryLater)
        /// A signal asked the program to stop.
        package static let interrupted = Code(.interrupted)
        /// Whoever read the output has gone, as head(1) does when it has enough.
        package static let readerGone = Code(.readerGone)
        /// The system reported an error on a file, a directory or a connection.
        package static let io = Code(.io)
        /// No room is left (ENOSPC, EDQUOT) or too little to begin.
        package static let noSpace = Code(.noSpace)
        /// The named thing is not there.
        package static let notFound = Code(.notFound)
        /// The named thing is there already and must not be replaced.
        package static let exists = Code(.exists)
        /// Access was refused.
        package static let permission = Code(.permission)
        /// Bytes are not what their digest, length or format says.
        package static let damaged = Code(.damaged)
        /// A source changed while it was read.
        package static let changed = Code(.changed)
        /// A directory is not the one it should be: its file system is not mounted, or it is another one.
        package static let unmounted = Code(.unmounted)
        /// A host or server can't be reached, does not let us in, or is gone in the middle.
        package static let unreachable = Code(.unreachable)
        /// A size, count or depth is beyond what is accepted.
        package static let limit = Code(.limit)
        /// The thing is valid but not supported here.
        package static let unsupported = Code(.unsupported)
        /// Some units failed; what the others did is safe.
        package static let incomplete = Code(.incomplete)

        package var description: String { kind.rawValue }
    }

    /// Whether the same operation may succeed when tried again, and what has to happen before.
    package enum Retry: Sendable, Equatable, CaseIterable {
        /// Trying again gives the same answer.
        case permanent
        /// Trying again soon may succeed.
        case temporary
        /// The server wants fewer requests: trying again later, and less at once, may succeed.
        case throttle
        /// The server's clock is not ours; trying again succeeds once that is allowed for.
        case clock
        /// The credentials are no longer valid; trying again succeeds with new ones.
        case credentials
    }

    package var code: Code
    package var message: String
    package var hint: String?
    package var retry: Retry
    /// Seconds that the server asks to wait before the next try (RFC 9110, 10.2.3).
    package var retryAfter: Double?
    private var causes: [Fault]

    package init(
        _ code: Code, _ message: String, hint: String? = nil, cause: Fault? = nil, retry: Retry = .permanent,
        retryAfter: Double? = nil
    ) {
        self.code = code
        self.message = message
        self.hint = hint ?? cause?.hint
        self.retry = retry
        self.retryAfter = retryAfter
        self.causes = cause.map { [$0] } ?? []
    }

    /// The fault beneath this one.
    package var cause: Fault? { causes.first }

    /// The same fault, told from one level further out: `context: message`.
    package func within(_ context: String) -> Fault {
        var outer = self
        outer.message = "\(context): \(message)"
        return outer
    }

    /// The same fault without the name that its message begins with, for where that name is told already.
    package func without(_ name: String) -> Fault {
        guard message.hasPrefix("\(name): ") else { return self }
        var inner = self
        inner.message = String(message.dropFirst(name.count + 2))
        return inner
    }

    /// The same fault with advice, unless it already has some.
    package func hinting(_ hint: String) -> Fault {
        var copy = self
        copy.hint = copy.hint ?? hint
        return copy
    }

    /// The whole chain in one line, without the hint.
    package var description: String {
        if let cause { "\(message): \(cause)" } else { message }
    }
}

extension Fault {
    /// Wraps any error: a fault stays what it is, anything else becomes an `io` fault with the error's own words.
    package static func wrapping(_ error: any Error) -> Fault {
        (error as? Fault) ?? Fault(.io, String(describing: error))
    }
}
