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
        guard let common = try commonPrefix(open) else { return try checkListed([], open) }
        try checkListed([common], open)
    }

    private func isListed(_ row: Manifest.Row) -> Bool {
        ByteString(row.object) == ByteString(keys.data) + row.entry.key
    }

    private func isLookedFor(_ row: Manifest.Row) -> Bool {
        !row.object.isEmpty && !row.flags.contains(.skipped) && row.run != run?.description
    }

    /// What the keys of all rows that a listing can tell begin with.
    private func commonPrefix(_ open: () throws(Fault) -> ManifestReader) throws(Fault) -> ByteString? {
        let reader = try open()
        var common: [UInt8]?
        while let row = try reader.next() {
            guard isLookedFor(row), isListed(row) else { continue }
            let key = row.entry.key.bytes
            guard let known = common else {
                common = key
                continue
            }
            let length = zip(known, key).prefix { $0 == $1 }.count
            if length < known.count { common = Array(known[..<length]) }
        }
        return common.map { ByteString(whole($0)) }
    }

    /// Not within a character: a prefix is sent as text.
    private func whole(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        var rest = bytes[...]
        while !rest.isEmpty, String(validating: rest, as: UTF8.self) == nil { rest = rest.dropLast() }
        return rest
    }

    private func checkListed(_ prefix: [ByteString], _ open: () throws(Fault) -> ManifestReader) throws(Fault) {
        let reader = try open()
        var ahead: Manifest.Row?
        /// The next row that a listing can tell; those in between are asked for.
        func next() throws(Fault) -> Manifest.Row? {
            while let row = try reader.next() {
                guard isLookedFor(row) else { continue }
                if isListed(row), !prefix.isEmpty { return row }
                try checkOne(row)
            }
            return nil
        }
        ahead = try next()
        if let prefix = prefix.first, ahead != nil {
            let (client, one) = try places.place(ByteString(keys.data) + "x")
            let base = ByteString(one.bytes.dropLast())
            try client.list(prefix: base + prefix) { listed throws(Fault) in
                while let row = ahead, base + row.entry.key < listed.key { throw missing(row) }
                guard let row = ahead, base + row.entry.key == listed.key else { return }
                try compare(row, listed.size)
                ahead = try next()
            }
        }
        if let row = ahead { throw missing(row) }
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
