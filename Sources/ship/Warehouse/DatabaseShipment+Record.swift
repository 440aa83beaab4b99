import Console
import Ledger
import Logging
import Platform
import Settings
import Staging
import Vault
import Warehouse

/// What is noted of a database that a vault holds.
extension DatabaseShipment {
    func record(
        _ one: DatabaseCopy.Held, _ output: ManifestCommit.Output, without others: [AwayVault], _ startedAt: String
    ) throws(Fault) -> UnitRecord {
        var counts = one.copies.counts
        for (name, count) in [
            ("taken", one.totals.taken), ("carried", one.totals.carried), ("skipped", one.totals.skipped),
            ("lacking", one.lacking),
        ] {
            counts["\(name).objects"] = count.objects
            counts["\(name).bytes"] = count.bytes
        }
        for (reason, count) in one.totals.reasons {
            counts["skipped.\(reason).objects"] = count.objects
            counts["skipped.\(reason).bytes"] = count.bytes
        }
        counts["entries"] = one.built.entries
        counts["number"] = Int64(output.number)
        counts["milliseconds"] = Int64(one.seconds * 1_000)
        var record = UnitRecord(
            job: stage.job.name, run: run.date.description, stage: .ship, unit: packed.unit, attempt: attempt,
            tool: stage.context.tool, startedAt: startedAt, finishedAt: stage.context.clock.now().rfc3339,
            inputs: try DatabaseStage.inputs(packed, away: others),
            outputs: [.init(path: output.key.description, size: one.built.size, sha256: one.built.sha256)],
            counts: counts)
        record.vault = one.vault.vault.identity
        // Of the manifest; a copy is proved by ETag and size.
        record.evidence = Evidence.head.rawValue
        record.cost = one.cost
        (record.bytesIn, record.bytesOut) = (one.copies.copied.bytes, one.copies.copied.bytes)
        let changed = one.copies.changed.objects - one.copies.changedHints.objects
        if changed > 0 {
            record.warnings += [
                "\(Figures.count(changed, "object has", "objects have")) changed since the inventory and \(changed == 1 ? "is" : "are") left to the next run, the first: '\(one.copies.firstChange ?? "")'"
            ]
        }
        if let archived = one.totals.reasons["archived"] {
            record.warnings += [
                "\(Figures.count(archived.objects, "object lies", "objects lie")) in an archive class at the source and can't be copied; the column IntelligentTieringAccessTier of the inventory tells them before"
            ]
        }
        return record
    }

    func tell(_ one: DatabaseCopy.Held, _ record: UnitRecord) {
        let copies = one.copies
        var parts = [
            "\(Figures.count(copies.copied.objects, "object", "objects")) copied, \(Figures.bytes(copies.copied.bytes))"
        ]
        for (count, word) in [
            (copies.adopted, "there already"), (copies.vanished, "vanished"), (copies.archived, "archived"),
            (copies.changed, "changed"),
        ] where count.objects > 0 { parts.append("\(count.objects) \(word)") }
        stage.context.log.info(
            "\(packed.unit): \(parts.joined(separator: ", ")), manifest of run \(run.date) committed to \(one.vault.name), \(Figures.seconds(one.seconds))"
        )
    }
}
