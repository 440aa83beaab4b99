import FoundationEssentials
import Platform

/// A stage record, as far as tests look at it.
struct StageState: Decodable, Sendable {
    struct Trouble: Decodable, Sendable {
        var unit: String
        var why: String
    }
    var state: String
    var attempt: String
    var units: Int
    var done: Int
    var skipped: Int
    var failed: [Trouble]
    var warnings: [Trouble]
}

extension Pipeline {
    func state(_ program: Program, _ date: String = run) throws -> StageState {
        let bytes = try read("\(runDirectory(date))/\(program.rawValue).json")
        return try JSONDecoder().decode(StageState.self, from: Data(bytes))
    }
}
