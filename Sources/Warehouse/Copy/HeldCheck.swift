import AWS
package import Ledger
package import Platform

/// Looks for the objects that a manifest names: those that it carries from earlier runs, since carry was decided when it
/// was planned, and the vault may have lost some since; or all of them.
///
/// A listing costs a request for a thousand objects, a HEAD one for each. So what lies under its own key below `data/` is
/// compared with a listing, as both are in the order of keys, and only the rest is asked for one by one.
package struct HeldCheck {
    /// The run whose own objects are not looked for; nothing for all.
    private let run: CivilDate?
    private let keys: DestinationKeys
    private let places: CopyPlaces

    package init(but run: CivilDate?, _ keys: DestinationKeys, _ places: CopyPlaces) {
        self.run = run
        self.keys = keys
        self.places = places
    }

    /// - Parameter open: opens the manifest; it is read twice.
    /// - Throws: `damaged` for the first object that is not there or has another size.
    package func check(_ open: () throws(Fault) -> ManifestReader) throws(Fault) {
        let (client, one) = try places.place(ByteString(keys.data) + "x")
        try ListedRows(client, under: ByteString(one.bytes.dropLast())).compare(
            open, selecting: { isLookedFor($0) && isListed($0) },
            other: { row throws(Fault) in if isLookedFor(row) { try checkOne(row) } },
            { (row, listed) throws(Fault) in
                guard let listed else { throw missing(row) }
                try compare(row, listed.size)
            })
    }

    private func isListed(_ row: Manifest.Row) -> Bool {
        ByteString(row.object) == ByteString(keys.data) + row.entry.key
    }

    private func isLookedFor(_ row: Manifest.Row) -> Bool {
        !row.object.isEmpty && !row.flags.contains(.skipped) && row.run != run?.description
    }

    private func checkOne(_ row: Manifest.Row) throws(Fault) {
        try Shutdown.check()
        let (client, key) = try places.place(ByteString(row.object))
        guard let there = try client.head(key) else { throw missing(row) }
        try compare(row, there.size)
    }

    private func compare(_ row: Manifest.Row, _ size: Int64) throws(Fault) {
        guard size != row.entry.size else { return }
        throw Fault(
            .damaged,
            "'\(row.entry.key)' is of run \(row.run), but '\(row.object)' in the vault has \(size) bytes, not \(row.entry.size)",
            hint: Self.hint)
    }

    private func missing(_ row: Manifest.Row) -> Fault {
        Fault(
            .damaged, "'\(row.entry.key)' is of run \(row.run), but the vault has no '\(row.object)'",
            hint: Self.hint)
    }

    private static let hint =
        "Something has removed or replaced it: put it there again, or move the manifests that name it out of staging's ledger, so that the next plan takes it anew."
}
