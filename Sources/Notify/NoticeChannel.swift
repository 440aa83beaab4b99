package import Platform

/// A way to tell a notice.
package protocol NoticeChannel: Sendable {
    /// The name in the settings.
    var name: String { get }

    /// Tells it once.
    ///
    /// - Throws: why it was not told; temporary where another try may succeed.
    func send(_ notice: Notice) throws(Fault)
}
