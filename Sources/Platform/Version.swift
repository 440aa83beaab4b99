/// The version of all three doors.
package enum Version {
    package static let text = "0.1.0"
    /// Name and version, as records and indexes carry it.
    package static let tool = "coldchain \(text)"
}
