import ArgumentParser
import Ledger
import Settings
import Vault

/// The options of a restore from an archive class.
struct ThawOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("How archives are thawed: bulk, standard or expedited.", valueName: "tier"),
        completion: .list(ThawTier.allCases.map(\.rawValue)))
    var tier: String?
    @Option(name: .long, help: ArgumentHelp("How many days the thawed copies stay.", valueName: "n"))
    var days: Int?
    @Flag(name: .shortAndLong, help: "Thaw whatever it costs.") var yes = false
    @Flag(name: .long, help: "Ask for the thaw, and fetch nothing.") var request = false
    @Flag(name: .long, help: "Tell how far the thaw is; ask for nothing and fetch nothing.") var status = false
    @Flag(name: .long, help: "Wait until everything is thawed, and fetch it.") var wait = false
    @Option(
        name: .long,
        help: ArgumentHelp("With --wait, how often to look.", valueName: "duration"))
    var poll = "10 min"

    func validate() throws {
        if let tier, ThawTier(rawValue: tier) == nil {
            throw ValidationError("--tier '\(tier)': expected bulk, standard or expedited")
        }
        if let days, !(1...365).contains(days) { throw ValidationError("--days \(days): expected 1 to 365") }
        guard let poll = Period(poll), poll.seconds > 0 else {
            throw ValidationError("--poll '\(poll)': expected a duration such as '10 min'")
        }
        if status && request { throw ValidationError("--status excludes --request") }
        if wait && (status || request) { throw ValidationError("--wait excludes --status and --request") }
    }

    /// What is asked for: by the options, else by the vault's settings.
    func request(_ settings: BucketSettings.Thaw) -> ThawRequest {
        ThawRequest(tier: tier.flatMap { ThawTier(rawValue: $0) } ?? settings.tier, days: days ?? settings.days)
    }
}
