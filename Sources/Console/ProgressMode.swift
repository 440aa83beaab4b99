import ArgumentParser

/// When progress is drawn.
package enum ProgressMode: String, CaseIterable, ExpressibleByArgument, Sendable {
    /// On a terminal.
    case auto
    case always
    case never
}
