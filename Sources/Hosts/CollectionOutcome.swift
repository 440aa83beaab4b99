package import Codec
package import Ledger
package import Platform

/// What a collection did.
package struct CollectionOutcome: Sendable, Equatable {
    /// Counts by words.
    ///
    /// They are `entries` (rows of the list), `files`, `directories`, `symlinks`, `hardlinks`; `taken`,
    /// `taken.new`, `taken.changed`, ...; `carried`; `vanished` (held earlier, not in the tree any more); `skipped`,
    /// `skipped.fifo`, ...; `flagged.grew`, ...; `reused` (staged by an attempt before); `replaced` (another file than the
    /// one that the walk saw); `bytes.taken`, `bytes.carried`. A count of nothing is left out.
    package var counts: [String: Int64] = [:]
    /// The first warnings, in the order of the keys.
    package var warnings: [String] = []
    /// How many warnings there were.
    package var warningCount: Int64 = 0
    /// Bytes of content by tenant, carried ones too.
    package var tenants: [String: Int64] = [:]
    /// The digest of the entry list's bytes; nothing for a plan, which has no list.
    package var list: Digest256?

    package init() {}

    static let keptWarnings = 20
    /// More different words than this can only come from reasons that name what they should count.
    private static let keptWords = 200

    mutating func add(_ amount: Int64 = 1, to word: String) {
        if let known = counts[word] {
            counts[word] = known + amount
        } else if counts.count < CollectionOutcome.keptWords {
            counts[word] = amount
        } else {
            counts["other", default: 0] += amount
        }
    }

    mutating func warn(_ text: String) {
        warningCount += 1
        if warnings.count < CollectionOutcome.keptWarnings { warnings.append(text) }
    }

    /// Counts a row of the list.
    package mutating func count(_ row: EntryList.Row) {
        add(to: "entries")
        switch row.action {
        case .take:
            add(to: "taken")
            if !row.reason.isEmpty { add(to: "taken." + row.reason) }
            if row.entry.kind == .file { add(row.entry.size, to: "bytes.taken") }
        case .carry:
            add(to: "carried")
            if row.entry.kind == .file { add(row.entry.size, to: "bytes.carried") }
        case .skip:
            add(to: "skipped")
            if !row.reason.isEmpty { add(to: "skipped." + row.reason) }
            return
        }
        if row.entry.kind == .file { tenants[row.manifest.tenant, default: 0] += row.entry.size }
        switch row.entry.kind {
        case .file: add(to: "files")
        case .directory: add(to: "directories")
        case .symlink: add(to: "symlinks")
        case .hardLink: add(to: "hardlinks")
        default: break
        }
        if row.action == .take && !row.manifest.flags.isEmpty {
            for word in row.manifest.flags.text.split(separator: ",") { add(to: "flagged." + word) }
        }
    }
}

/// How far a collection is, for whoever watches it from another thread.
package struct CollectionProgress: Sendable {
    /// Rows written.
    package let entries = Counter()
    /// Bytes read from the tree, those read again included.
    package let bytes = Counter()

    package init() {}
}
