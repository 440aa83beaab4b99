import Glibc
import Platform
import TestSupport
import Testing

/// Thousands of random sequences against a model: what is kept restores byte for byte, nothing that is needed is marked, and
/// all that may go goes.
///
/// `COLDCHAIN_MODEL=N` runs N sequences, `COLDCHAIN_SEED=N` begins at another seed; a failure names the seed that it had.
@Suite(.serialized) struct RetentionModelTests {
    private static func number(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }

    private static let count = number("COLDCHAIN_MODEL") ?? 25
    private static let first = UInt64(number("COLDCHAIN_SEED") ?? 1)

    @Test("random sequences of nights, failures, prunes, undos and holds", .timeLimit(.minutes(60)))
    func sequences() async throws {
        let parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : nil
        for seed in Self.first..<(Self.first + UInt64(Self.count)) {
            let failure = try await onOwnThread { () -> String? in
                try withTemporaryDirectory(in: parent) { top in
                    let model = try RetentionModel(top, seed: seed)
                    do {
                        for _ in 0..<30 { try model.step() }
                        try model.finish()
                        return nil
                    } catch {
                        return "\(error)\nafter: \(model.steps.joined(separator: ", "))"
                    }
                }
            }
            #expect(failure == nil, "COLDCHAIN_SEED=\(seed) COLDCHAIN_MODEL=1: \(failure ?? "")")
            if failure != nil { return }
        }
        print("retention model: seeds \(Self.first) to \(Self.first + UInt64(Self.count) - 1)")
    }
}
