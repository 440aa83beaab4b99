package import Platform

/// Whether an object's bytes can be read now.
package enum Readability: Sendable, Hashable {
    case readable
    /// It is in an archive class, and there is no copy of it to read.
    case archived
    /// A copy was asked for, and will be there in hours.
    case thawing
    /// There is a copy until then.
    case thawed(until: Timestamp?)

    package var isReadable: Bool {
        switch self {
        case .readable, .thawed: true
        case .archived, .thawing: false
        }
    }
}
