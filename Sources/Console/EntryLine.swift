package import Ledger
import Platform

/// An entry as one line, in the form of tar(1) `tv`.
package enum EntryLine {
    /// - Parameters:
    ///   - entry: the entry; its time is told in the time zone of the process.
    ///   - showsOffset: whether the time says how far that zone is from UTC, where it is not the reader's own.
    /// - Returns: the line, without its end.
    package static func text(_ entry: Entry, showsOffset: Bool = false) -> String {
        var line = "\(permissions(entry)) \(entry.uid)/\(entry.gid)"
        let size = String(entry.size)
        line += String(repeating: " ", count: max(1, 12 - size.count)) + size
        line += " \(entry.modified.local.prefix(16))\(showsOffset ? entry.modified.offset : "") \(entry.key)"
        switch entry.kind {
        case .symlink: line += " -> \(entry.link)"
        case .hardLink: line += " link to \(entry.link)"
        default: break
        }
        return line
    }

    /// `-rwxr-xr-x` as ls(1) has it.
    private static func permissions(_ entry: Entry) -> String {
        let type: Character
        switch entry.kind {
        case .file: type = "-"
        case .symlink: type = "l"
        case .fifo: type = "p"
        default: type = Character(entry.kind.letter)
        }
        var text = String(type)
        for (shift, special, letter) in [(6, UInt32(0o4000), "s"), (3, UInt32(0o2000), "s"), (0, UInt32(0o1000), "t")] {
            let bits = entry.mode >> UInt32(shift) & 7
            text += bits & 4 != 0 ? "r" : "-"
            text += bits & 2 != 0 ? "w" : "-"
            let runs = bits & 1 != 0
            if entry.mode & special != 0 {
                text += runs ? letter : letter.uppercased()
            } else {
                text += runs ? "x" : "-"
            }
        }
        return text
    }
}
