/// Text that must not be shown: a secret key, a token.
///
/// It prints as asterisks, also as a member of something else.
package struct Secret: Sendable, Hashable {
    /// The text itself, for those that have to send it or sign with it.
    package let value: String

    package init(_ value: String) { self.value = value }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "***" }
    package var debugDescription: String { "***" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
