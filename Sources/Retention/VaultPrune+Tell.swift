import Ledger
import Platform
import Staging
import Vault

extension VaultPrune {
    /// Tells what was decided, in the vault and in the ledger, before anything of it is done.
    func tell(_ plan: VaultPrunePlan, _ batch: String, _ now: Timestamp) throws(Fault) {
        var lines: [AuditLine] = []
        for name in plan.approved {
            var line = AuditLine(
                .approve, job: job.name, stage: .ship, batch: batch, at: now, why: ["--approve \(name)"])
            (line.vault, line.tenants) = (vault.name, [name])
            lines.append(line)
        }
        for trip in plan.trips {
            var line = AuditLine(
                .refuse, job: job.name, stage: .ship, batch: batch, at: now,
                why: ["\(trip.going) of \(trip.all) \(plan.noun) would go"])
            (line.vault, line.tenants) = (vault.name, [trip.tenant])
            lines.append(line)
        }
        for item in plan.items {
            let action: AuditLine.Action
            switch item.decision {
            case .keep, .wait, .leave: continue
            case .release: action = .release
            case .quarantine: action = .quarantine
            case .retire: action = .retire
            case .expire: action = .expire
            case .gone: action = .gone
            }
            lines.append(Self.line(action, item, job.name, vault.name, batch, now))
        }
        guard !lines.isEmpty else { return }
        try onStep("audit in the vault")
        // In the vault, too, where nobody changes it; a refusal alone changes nothing there.
        if plan.changesAnything || !plan.approved.isEmpty {
            try AuditLog.put(lines, batch: batch, at: now, layout, vault.store)
        }
        try onStep("audit")
        try AuditLog(job, .ship).append(lines)
    }

    static func line(
        _ action: AuditLine.Action, _ item: VaultPrunePlan.Item, _ job: String, _ vault: String, _ batch: String,
        _ now: Timestamp
    ) -> AuditLine {
        var line = AuditLine(action, job: job, stage: .ship, batch: batch, at: now, why: item.why)
        (line.vault, line.object, line.bytes) = (vault, item.object, item.bytes)
        (line.tenants, line.run) = (item.tenants, item.run)
        (line.created, line.storageClass) = (item.created, item.storageClass)
        return line
    }
}
