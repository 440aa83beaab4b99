/// A table of text with aligned columns; numbers stand to the right.
package struct TextTable {
    private var rows: [[String]]
    private var columns: TextColumns

    package init(_ heading: [String], right: Set<Int> = []) {
        rows = [heading]
        columns = TextColumns(heading, right: right)
    }

    package mutating func add(_ row: [String]) {
        rows.append(row)
        columns.fit(row)
    }

    package var text: String { rows.map { columns.line($0) }.joined(separator: "\n") }
}

/// How wide the columns of a table are, and its lines: for tables that are too long for memory, whose rows are gone through
/// twice.
package struct TextColumns {
    private var widths: [Int] = []
    private let right: Set<Int>
    package let heading: [String]

    package init(_ heading: [String], right: Set<Int> = []) {
        self.heading = heading
        self.right = right
        fit(heading)
    }

    /// Makes room for a row.
    package mutating func fit(_ row: [String]) {
        for (column, cell) in row.enumerated() {
            if column == widths.count { widths.append(0) }
            // As many bytes at the least as characters.
            if cell.utf8.count > widths[column] { widths[column] = max(widths[column], cell.count) }
        }
    }

    /// A row that had its room made, without the end of the line.
    package func line(_ row: [String]) -> String {
        var line = ""
        for (column, cell) in row.enumerated() {
            let pad = String(repeating: " ", count: max(0, widths[column] - cell.count))
            if column > 0 { line += "  " }
            line += right.contains(column) ? pad + cell : cell + (column == row.count - 1 ? "" : pad)
        }
        return line
    }
}
