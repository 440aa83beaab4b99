/// What happened to an entry on its way; the words of the `flags` column, joined by commas.
package struct EntryFlag: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The file grew while it was read; the size at open was kept.
    package static let grew = EntryFlag(rawValue: 1)
    /// The file changed while it was read, every time it was tried; what was kept is no moment's content.
    package static let dirty = EntryFlag(rawValue: 2)
    /// Modified so close to its capture that a later change could have the same mtime; never carried.
    package static let racy = EntryFlag(rawValue: 4)
    /// Its bytes were not kept; the reason stands in the `reason` column of the entry list.
    package static let skipped = EntryFlag(rawValue: 8)
    /// It has not the digest that the host's own list names.
    package static let mismatched = EntryFlag(rawValue: 16)

    private static let words: [(EntryFlag, String)] = [
        (.grew, "grew"), (.dirty, "dirty"), (.racy, "racy"), (.skipped, "skipped"),
        (.mismatched, "mismatched"),
    ]

    package var text: String {
        EntryFlag.words.filter { contains($0.0) }.map { $0.1 }.joined(separator: ",")
    }

    /// Reads what ``text`` writes; words of a later version are passed over.
    package init(text: String) {
        self = []
        for word in text.split(separator: ",") {
            if let known = EntryFlag.words.first(where: { $0.1 == word }) { insert(known.0) }
        }
    }
}
