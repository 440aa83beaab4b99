import Ledger

/// A row that is ready to be written, and what the list's writer has to know besides.
struct CollectedRow: Sendable {
    var row: EntryList.Row
    var warning: String?
    /// How many further names of this file may refer to the row for their content.
    var furtherNames: UInt32 = 0
    /// Whether an attempt before had staged the content.
    var isReused = false
    /// Whether the name was that of another file when it was opened: logs were rotated since the walk.
    var wasReplaced = false
}
