package import Ledger
package import Platform

/// The plan of a database as one vault carries it out.
///
/// pack plans with the manifest of the ledger, which has the names of one vault. Another vault may have other names: a
/// generation, where something else lay under a key already; or nothing at all, since it was added later, has missed a
/// run, or the object had changed when its turn came. So what the plan carries is looked up in the vault's own manifest.
/// Where that names the same content, its name counts; what it does not name, the vault gets from the source as if it
/// were new.
package struct VaultPlan: Sendable {
    private let run: CivilDate
    private let keys: DestinationKeys
    private let storageClass: String

    /// How the plan of a vault differs from that of pack.
    package struct Totals: Sendable {
        /// What the vault has under another name than the ledger says.
        package var renamed: Int64 = 0
        /// What the ledger carries, and the vault does not have.
        package var lacking = CopyTotals.Count()
        /// The keys of these: no list of pack has them.
        package var lackingKeys = KeyDigests()

        package init() {}
    }

    /// - Parameters:
    ///   - run: of the plan.
    ///   - keys: where the vault's copies of this run go.
    ///   - storageClass: of copies of content in the vault.
    package init(run: CivilDate, _ keys: DestinationKeys, storageClass: String) {
        self.run = run
        self.keys = keys
        self.storageClass = storageClass
    }

    /// Whether a row is carried from an earlier run, and neither taken nor skipped.
    package static func isCarried(_ row: Manifest.Row, by run: CivilDate) -> Bool {
        !row.object.isEmpty && !row.flags.contains(.skipped) && row.run != run.description
    }

    /// What becomes of a row of the plan.
    package enum Decision: Sendable, Equatable {
        case asPlanned
        /// The vault has the content, and names it so.
        case held(Manifest.Row)
        /// The vault takes it now.
        case lacking(Manifest.Row)
    }

    /// Decides about one row.
    ///
    /// - Parameters:
    ///   - planned: of the plan.
    ///   - held: what the vault's own manifest says of the key; nothing where it does not have it.
    /// - Returns: the row for this vault.
    package func decide(_ planned: Manifest.Row, held: Manifest.Row?) -> Decision {
        guard Self.isCarried(planned, by: run) else { return .asPlanned }
        var row = planned
        let isHeld = held.map { !$0.object.isEmpty && !$0.flags.contains(.skipped) } ?? false
        if let held, isHeld, held.entry.hasSameContent(as: planned.entry) {
            (row.object, row.run, row.storageClass) = (held.object, held.run, held.storageClass)
            return row == planned ? .asPlanned : .held(row)
        }
        // The version of an earlier day may be gone; that its ETag is still the same is asked for in any case.
        row.entry.version = ""
        row.object = String(decoding: keys.object(for: row.entry.key, wasHeld: isHeld).bytes, as: UTF8.self)
        (row.run, row.storageClass) = (run.description, storageClass)
        return .lacking(row)
    }

    /// What becomes of a row whose object the vault has lost.
    ///
    /// - Parameters:
    ///   - planned: with the vault's own name.
    ///   - loss: what is wrong with the object; nothing for one that is right.
    /// - Returns: the row for this vault: the object comes back under its name where that is free, so that older manifests
    ///   are right again, too.
    package func decide(_ planned: Manifest.Row, loss: HeldCheck.Loss?) -> Decision {
        guard let loss, Self.isCarried(planned, by: run) else { return .asPlanned }
        guard case .lacking(var row) = decide(planned, held: nil) else { return .asPlanned }
        row.object = String(decoding: keys.object(for: row.entry.key, wasHeld: true).bytes, as: UTF8.self)
        // That of a snapshot is in a bucket of its own.
        if loss == .missing, !planned.object.hasPrefix("s3://") { row.object = planned.object }
        return .lacking(row)
    }

    /// Writes the plan of the vault once more, with what it has lost among what it takes.
    ///
    /// - Parameters:
    ///   - planned: the plan of the vault.
    ///   - lost: what the vault has lost, by what is wrong with it: not there, and another one.
    ///   - totals: of the plan; gets what was lost.
    ///   - writer: takes the rows; it is not finished.
    /// - Throws: `damaged` for a plan that can't be read.
    package func write(
        _ planned: ManifestReader, lost: (missing: KeyDigests, other: KeyDigests), _ totals: inout Totals,
        into writer: ManifestWriter
    ) throws(Fault) {
        while let row = try planned.next() {
            let key = row.entry.key
            let loss: HeldCheck.Loss? =
                lost.missing.contains(key) ? .missing : lost.other.contains(key) ? .size(-1) : nil
            guard case .lacking(let own) = decide(row, loss: loss) else {
                try writer.write(row)
                continue
            }
            totals.lacking.add(own.entry.size)
            totals.lackingKeys.add(key)
            try writer.write(own)
        }
        totals.lackingKeys.sort()
    }

    /// Writes the plan of the vault.
    ///
    /// - Parameters:
    ///   - planned: what pack has made.
    ///   - held: the vault's own manifest; nothing where it has none.
    ///   - writer: takes the rows; it is not finished.
    /// - Returns: how the two differ.
    /// - Throws: `damaged` for a manifest that can't be read, or is not in the order of its keys.
    package func write(_ planned: ManifestReader, held: ManifestReader?, into writer: ManifestWriter) throws(Fault)
        -> Totals
    {
        var totals = Totals()
        var ahead = try held?.next()
        while let row = try planned.next() {
            while let own = ahead, own.entry.key < row.entry.key {
                ahead = try held?.next()
                guard let next = ahead, !(own.entry.key < next.entry.key) else { continue }
                throw Fault(
                    .damaged,
                    "the vault's manifest is not in the order of its keys: '\(next.entry.key)' follows '\(own.entry.key)'"
                )
            }
            let own = ahead?.entry.key == row.entry.key ? ahead : nil
            switch decide(row, held: own) {
            case .asPlanned: try writer.write(row)
            case .held(let own):
                if own.object != row.object { totals.renamed += 1 }
                try writer.write(own)
            case .lacking(let own):
                totals.lacking.add(own.entry.size)
                totals.lackingKeys.add(own.entry.key)
                try writer.write(own)
            }
        }
        totals.lackingKeys.sort()
        return totals
    }
}
