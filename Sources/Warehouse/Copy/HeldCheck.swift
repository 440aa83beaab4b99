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

    /// What is wrong with an object.
    package enum Loss: Sendable, Equatable {
        case missing
        /// It has so many bytes.
        case size(Int64)
    }

    /// - Parameter open: opens the manifest; it is read twice.
    /// - Throws: `damaged` for the first object that is not there or has another size.
    package func check(_ open: () throws(Fault) -> ManifestReader) throws(Fault) {
        try find(open) { (row, loss) throws(Fault) in throw Self.fault(row, loss) }
    }

    /// Looks for all of them.
    ///
    /// - Parameters:
    ///   - open: opens the manifest; it is read twice.
    ///   - each: told each that is not there or has another size, in no order.
    /// - Throws: what `each` throws; the fault of the store.
    package func find(
        _ open: () throws(Fault) -> ManifestReader, _ each: (Manifest.Row, Loss) throws(Fault) -> Void
    ) throws(Fault) {
        let (client, one) = try places.place(ByteString(keys.data) + "x")
        try ListedRows(client, under: ByteString(one.bytes.dropLast())).compare(
            open, selecting: { isLookedFor($0) && isListed($0) },
            other: { row throws(Fault) in
                guard isLookedFor(row) else { return }
                try Shutdown.check()
                let (client, key) = try places.place(ByteString(row.object))
                if let loss = Self.loss(row, try client.head(key)?.size) { try each(row, loss) }
            },
            { (row, listed) throws(Fault) in
                if let loss = Self.loss(row, listed?.size) { try each(row, loss) }
            })
    }

    private func isListed(_ row: Manifest.Row) -> Bool {
        ByteString(row.object) == ByteString(keys.data) + row.entry.key
    }

    private func isLookedFor(_ row: Manifest.Row) -> Bool {
        !row.object.isEmpty && !row.flags.contains(.skipped) && row.run != run?.description
    }

    private static func loss(_ row: Manifest.Row, _ size: Int64?) -> Loss? {
        guard let size else { return .missing }
        return size == row.entry.size ? nil : .size(size)
    }

    private static func fault(_ row: Manifest.Row, _ loss: Loss) -> Fault {
        let what =
            switch loss {
            case .missing: "the vault has no '\(row.object)'"
            case .size(let size): "'\(row.object)' in the vault has \(size) bytes, not \(row.entry.size)"
            }
        return Fault(
            .damaged, "'\(row.entry.key)' is of run \(row.run), but \(what)",
            hint:
                "Something has removed or replaced it: put it there again, or ship the newest run with --force, which copies it anew from the source."
        )
    }
}
