import Codec
import Ledger
import Platform

/// Whether more runs wait for the vaults from day to day: `notified.JOB._backlog.json` in the state directory.
struct BacklogGrowth: Codable {
    private struct Waiting: Codable {
        var day: String
        var runs: Int
    }

    /// A look a day, the newest last.
    private var waiting: [Waiting] = []

    /// How many days in a row it must have grown to be told.
    private static let days = 3

    /// Notes how many runs wait today, and tells in a sentence when that has grown from day to day.
    ///
    /// - Parameters:
    ///   - runs: how many wait.
    ///   - job: the job.
    ///   - state: the state directory.
    ///   - isNoted: false to look only.
    ///   - clock: tells the day.
    /// - Returns: the sentence, or nothing while it has not grown.
    /// - Throws: the system's fault.
    static func look(
        _ runs: Int, of job: String, in state: Directory, isNoted: Bool, clock: Clock = .system
    ) throws(Fault) -> String? {
        let file = ByteString("notified.\(job)._backlog.json")
        let today = clock.today.description
        var growth = BacklogGrowth()
        do throws(Fault) { growth = try JSONFile.read(BacklogGrowth.self, file, in: state) ?? growth } catch {
            // What was cut is begun anew: it must not hide what is missing.
            if error.code != .damaged { throw error }
        }
        growth.waiting.removeAll { $0.day >= today }
        growth.waiting = (growth.waiting + [Waiting(day: today, runs: runs)]).suffix(days + 1)
        if isNoted { try JSONFile.write(growth, to: file, in: state) }
        let waiting = growth.waiting
        guard waiting.count > days, zip(waiting, waiting.dropFirst()).allSatisfy({ $0.runs < $1.runs }) else {
            return nil
        }
        return "the backlog grows: \(waiting.map { "\($0.runs)" }.joined(separator: ", ")) runs waited on the last days"
    }
}
