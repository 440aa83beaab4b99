/// The check that paths of settings share.
enum AbsolutePath {
    /// The path without slashes at its end.
    ///
    /// Gives nothing for a path that is not absolute, holds control bytes, or has `.` or `..` in it.
    static func checked(_ text: String) -> String? {
        guard text.hasPrefix("/"), text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
        let parts = text.split(separator: "/")
        guard !parts.contains(where: { $0 == "." || $0 == ".." }) else { return nil }
        return "/" + parts.joined(separator: "/")
    }
}
