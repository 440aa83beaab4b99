import ArgumentParser
import Synchronization

/// How messages are written to stderr.
package enum LogFormat: String, CaseIterable, ExpressibleByArgument, Sendable {
    /// A line of text.
    case text
    /// One JSON object a line: `time`, `level`, `program`, `message`, and what the message is about.
    case json

    private static let isJSON = Atomic<Bool>(false)

    /// The format of this process: a fault that ends it is told in the same one.
    package static var current: LogFormat { isJSON.load(ordering: .relaxed) ? .json : .text }

    /// Makes it the format of this process.
    package func use() { Self.isJSON.store(self == .json, ordering: .relaxed) }
}
