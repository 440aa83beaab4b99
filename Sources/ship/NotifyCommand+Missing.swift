import Console
import Ledger
import Logging
import Notify
import Platform
import Settings
import Staging

extension NotifyCommand {
    /// Looks at all jobs, or the one that is named; what is wrong with one keeps no other from being looked at.
    func tellMissing(_ configuration: Configuration, _ delivery: NoticeDelivery) throws(Fault) -> Int32 {
        var status = ExitStatus.done
        let names: [String]
        if let job { names = [job] } else { names = try configuration.jobNames() }
        for name in names {
            do throws(Fault) { status = max(status, try tellMissing(name, configuration, delivery)) } catch {
                if error.code == .interrupted { throw error }
                common.logger().tell(.error, "job '\(name)': \(error)", hint: error.hint)
                status = max(status, ExitStatus.failed)
            }
        }
        return status
    }

    private func tellMissing(
        _ name: String, _ configuration: Configuration, _ delivery: NoticeDelivery
    ) throws(Fault) -> Int32 {
        var notify = configuration.notify
        var notice = Notice(
            event: .missing, tier: notify.tier(of: .missing), host: ProcessIdentity.host, job: name,
            stage: Stage.ship.rawValue, at: Clock.system.now().rfc3339)
        do throws(Fault) {
            let job = try configuration.job(name)
            notify = job.notify
            notice.tier = notify.tier(of: .missing)
            try Clock.useTimeZone(job.timezone)
            notice = try look(job, configuration)
        } catch {
            if error.code == .interrupted { throw error }
            // A job that can't run has no runs tonight; the other jobs are looked at all the same.
            notice.missing.append("\(error)")
        }
        // Without it nobody knows what was told before, and it is told again.
        let state = try? Directory.create(configuration.state)
        let file = ByteString("notified.\(name)._missing.json")
        if notice.missing.isEmpty {
            if !dryRun { try state?.removeIfPresent(file) }
            return try delivery.say("job '\(name)': nothing is missing")
        }
        let now = ToldMissing(at: Clock.system.now().seconds, missing: notice.missing)
        if !dryRun, let state, try remembered(ToldMissing.self, file, in: state)?.isAgain(now) ?? false {
            return try delivery.say("job '\(name)': what is missing was told within the last day")
        }
        let outcome = try delivery.deliver(notice, notify)
        if !dryRun, let state { try JSONFile.write(now, to: file, in: state) }
        return outcome.status
    }

    /// What is missing of a job, with its backlog and figures.
    private func look(_ job: JobSettings, _ configuration: Configuration) throws(Fault) -> Notice {
        // Staging that is not mounted is told, too.
        let staging = try StagingArea.open(configuration)
        let builder = StageNotice(
            directory: try staging.job(job.name), job: job, stage: .ship, clock: .system, configuration: configuration)
        var missing = try builder.missing(since: try configuration.jobFileModified(job.name))
        // Attempts are not told here, but backlog and figures are.
        var (notice, _) = try builder.make(.missing) { _ in true }
        if let growth = try BacklogGrowth.look(
            notice.backlog?.runs ?? 0, of: job.name, in: staging.state, isNoted: !dryRun)
        {
            missing.append(growth)
        }
        notice.missing = missing
        notice.rerun = missing.isEmpty ? [] : Stage.allCases.map { "\($0.rawValue) \(job.name)" }
        return notice
    }
}
