import HTTP
import Logging
import Platform
import TestSupport
import Testing

@testable import Notify

struct DeliveryTests {
    /// A channel that waits until another one was told.
    private struct Waiting: NoticeChannel {
        let name: String
        let told: Monitor<Set<String>>
        var waitsFor: String?
        var isBroken = false

        func send(_ notice: Notice) throws(Fault) {
            if isBroken { throw Fault(.unreachable, "nobody answers") }
            if let waitsFor { _ = told.wait { $0.contains(waitsFor) ? true : nil } }
            told.change { _ = $0.insert(name) }
        }
    }

    @Test("a channel that hangs or is broken holds back no other", .timeLimit(.minutes(1)))
    func atOnce() async throws {
        let failed = try await onOwnThread {
            let told = Monitor<Set<String>>([])
            let channels: [any NoticeChannel] = [
                Waiting(name: "first", told: told, waitsFor: "last"),
                Waiting(name: "broken", told: told, isBroken: true),
                Waiting(name: "last", told: told),
            ]
            let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            return Delivery(channels, backoff: Backoff(base: 0, cap: 0, deadline: 0), log: log).send(sampleNotice())
        }
        #expect(failed == ["broken"])
    }

    @Test(
        "what an answer repeats of a secret address is masked, encoded or not",
        arguments: [
            ("no such hook: /services/T0/s3cr3t%2Fpath", "no such hook: ..."),
            ("no such hook: /services/T0/s3cr3t/path", "no such hook: ..."),
            ("%2Fservices%2FT0%2Fs3cr3t%252Fpath is gone", "... is gone"),
            ("key s3cr3t%2Fpath or s3cr3t/path", "key ... or ..."),
            ("token=a+b is wrong, a+b", "... is wrong, ..."),
            ("Bearer t0ken-of-mine", "Bearer ..."), ("all is well", "all is well"),
        ])
    func masks(_ answer: String, _ expected: String) throws {
        var request = try HTTPRequest(.post, secretURL: "https://hooks.example/services/T0/s3cr3t%2Fpath?token=a+b")
        request.headers["Authorization"] = "Bearer t0ken-of-mine"
        let masked = request.maskingSecrets(in: answer)
        #expect(masked == expected)
    }
}
