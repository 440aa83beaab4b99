import FoundationEssentials
import Ledger
import Platform
import Testing

/// One case of the golden file: its name, lines of input, `---`, and lines of what is decided.
///
/// Input lines:
/// - `policy keep_for=7 monthly=2 grace=30 min_age=90`
/// - `today 2026-11-20`, or `now 2026-11-20T23:30:00Z`
/// - `open 2026-11-20`: a run that is not finished
/// - `hold TENANT-GLOB UNTIL|- why it is`
/// - `run 2026-11-01..2026-11-20 UNIT... [tenant=T]`: verified manifests
/// - `object KEY created=2026-01-01 [quarantined=D] [retired=D] [locked=D] [tenant=T] [held] [ref=why] [class=C]`
/// - `expires`: the vault has no rules of its own
/// - `breaker 10% GROUP=GOING/ALL...`
struct RetentionCase: Sendable, CustomTestStringConvertible {
    let name: String
    let input: String
    let expected: String

    var testDescription: String { name }

    static func all(_ path: String) -> [RetentionCase] {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return [] }
        return text.split(separator: "=== ").map { part in
            let lines = part.split(separator: "\n").map(String.init)
            let input = lines.dropFirst().prefix { $0 != "---" }
            let expected = lines.drop { $0 != "---" }.dropFirst()
            return RetentionCase(
                name: lines.first ?? "", input: input.map { $0 + "\n" }.joined(),
                expected: expected.joined(separator: "\n"))
        }
    }

    /// What the plans decide, as text.
    func decided() throws -> String {
        var setting = Setting()
        for line in input.split(separator: "\n") { try setting.read(line.split(separator: " ").map(String.init)) }
        return setting.lines().joined(separator: "\n")
    }
}

/// The input of a case, read.
private struct Setting {
    private var policy = RetentionPolicy()
    private var today: CivilDate?
    private var now: Timestamp?
    private var open: Set<CivilDate> = []
    private var holds: [LegalHold] = []
    private var manifests: [ManifestRetention.Manifest] = []
    private var objects: [RetentionPlan.Object] = []
    private var references: [String: [String]] = [:]
    private var expires = false
    private var breaker: (limit: Double, going: [String: Int], all: [String: Int])?

    mutating func read(_ words: [String]) throws {
        let options = Dictionary(
            words.dropFirst().map { word -> (String, String) in
                let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
                return (parts[0], parts.count > 1 ? parts[1] : "")
            }, uniquingKeysWith: { $1 })
        switch words[0] {
        case "policy":
            policy = RetentionPolicy(
                keepFor: options["keep_for"].flatMap { Int($0) }, keepLast: number(options["keep_last"], 0),
                daily: number(options["daily"], 0), weekly: number(options["weekly"], 0),
                monthly: number(options["monthly"], 0), yearly: number(options["yearly"], 0),
                minAge: number(options["min_age"], 0), grace: number(options["grace"], 30))
        case "today": today = try day(words[1])
        case "now":
            let moment = try #require(Timestamp(rfc3339: words[1]))
            now = moment
            today = CivilDate(localDayOf: moment)
        case "open": open.insert(try day(words[1]))
        case "hold":
            holds.append(
                LegalHold(
                    tenant: words[1], until: words[2] == "-" ? nil : try day(words[2]),
                    why: words.dropFirst(3).joined(separator: " ")))
        case "run":
            let ends = try words[1].split(separator: ".", omittingEmptySubsequences: true).map { try day(String($0)) }
            let tenants = options["tenant"].map { [$0] } ?? []
            var date = ends[0]
            while date <= ends[ends.count - 1] {
                for unit in words.dropFirst(2) where !unit.contains("=") {
                    manifests.append(.init(run: date, unit: unit, tenants: tenants))
                }
                date = date.adding(days: 1)
            }
        case "object":
            var state = RetentionPlan.State.live
            if let since = options["quarantined"] { state = .quarantined(since: try moment(since)) }
            if let at = options["retired"] { state = .retired(at: try moment(at)) }
            objects.append(
                .init(
                    key: words[1], size: 1, created: try moment(options["created"] ?? ""),
                    tenants: options["tenant"].map { [$0] } ?? [], state: state,
                    lockedUntil: try options["locked"].map(moment),
                    isHeldByStore: options["held"] != nil))
            if let why = options["ref"] { references[words[1]] = [why] }
        case "expires": expires = true
        case "breaker":
            var going: [String: Int] = [:]
            var all: [String: Int] = [:]
            for (group, counts) in options where counts.contains("/") {
                let parts = counts.split(separator: "/").map { Int($0) ?? 0 }
                (going[group], all[group]) = (parts[0], parts[1])
            }
            breaker = (Double(number(String(words[1].dropLast()), 0)) / 100, going, all)
        default: Issue.record("unknown line '\(words[0])'")
        }
    }

    func lines() -> [String] {
        guard let today else { return ["no date"] }
        var lines: [String] = []
        if !manifests.isEmpty {
            // The order in which they are given must not matter.
            let decisions = ManifestRetention(
                manifests.shuffled(), openRuns: open, policy: policy, holds: holds, today: today
            ).decisions
            for decision in decisions {
                let reasons = decision.reasons.map(\.description).joined(separator: ", ")
                lines.append(
                    "\(decision.manifest.run) \(decision.manifest.unit) \(decision.isKept ? "keep: " + reasons : "expire")"
                )
            }
        }
        let now = now ?? Timestamp(seconds: Int64(today.dayNumber) * 86_400)
        let plan = RetentionPlan(
            objects, references: { references[$0] ?? [] }, policy: policy, holds: holds, now: now, today: today,
            expires: expires)
        for item in plan.items { lines.append("\(item.object.key) \(text(item.decision))") }
        if let breaker {
            let trips = RetentionBreaker(limit: breaker.limit).trips(going: breaker.going, of: breaker.all)
            lines += trips.map { "alarm: \($0.group): \($0.going) of \($0.all)" }
            if trips.isEmpty { lines.append("no alarm") }
        }
        return lines
    }

    private func text(_ decision: RetentionPlan.Decision) -> String {
        switch decision {
        case .keep(let reasons): "keep: " + reasons.joined(separator: ", ")
        case .release(let reasons): "release: " + reasons.joined(separator: ", ")
        case .wait(let until, let why): "wait until \(until.rfc3339): \(why)"
        case .quarantine: "quarantine"
        case .retire: "retire"
        case .leave: "leave to the vault"
        case .expire: "expire"
        }
    }

    private func number(_ text: String?, _ other: Int) -> Int { text.flatMap { Int($0) } ?? other }
    private func day(_ text: String) throws -> CivilDate { try #require(CivilDate(text), "\(text)") }
    private func moment(_ text: String) throws -> Timestamp {
        if let moment = Timestamp(rfc3339: text) { return moment }
        return Timestamp(seconds: Int64(try day(text).dayNumber) * 86_400)
    }
}
