import AWS
import Codec
import HTTP
import Platform
import TestSupport
import Testing
import Vault

/// A vault in Ceph's gateway behind a proxy where things go wrong: each upload ends with the right object, once, or with a
/// clear fault and nothing that is billed in silence.
@Suite(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
struct S3FaultTests {
    private static let slowDown = FaultProxy.error("SlowDown")
    private static let internalError = FaultProxy.error("InternalError")

    /// What an upload gets over by itself.
    static let passing: [StoreFault] =
        [FaultProxy.Operation.head, .create, .part, .complete, .tagging].flatMap { operation in
            [
                StoreFault("dropped before the store has it", first: operation, .dropRequest),
                StoreFault("dropped when the store has it", first: operation, .dropAnswer),
                StoreFault("500", first: operation, .answer(500, internalError)),
                StoreFault("500 though done", first: operation, .replaceAnswer(500, internalError)),
                StoreFault(
                    "503 with Retry-After", first: operation, .answer(503, slowDown, headers: ["Retry-After": "1"])),
            ]
        } + [
            StoreFault("cut in the body", first: .part, .cutRequest(1_000_000)),
            StoreFault("cut in the body", first: .complete, .cutRequest(10)),
            StoreFault("answer cut", first: .create, .cutAnswer(30)),
            StoreFault("answer cut", first: .complete, .cutAnswer(30)),
            StoreFault("answer flipped", first: .create, .flipAnswer(0)),
            StoreFault("answer flipped", first: .complete, .flipAnswer(0)),
            StoreFault("200 with an error", first: .complete, .answer(200, internalError)),
            StoreFault("200 with SlowDown", first: .complete, .answer(200, slowDown)),
            StoreFault("200 with an error though done", first: .complete, .replaceAnswer(200, internalError)),
            StoreFault("a byte changed", first: .part, .flipRequest(1_000_000)),
            StoreFault("a byte changed", first: .complete, .flipRequest(10)),
            StoreFault("answer trickles", first: .part, .trickle(40), silence: 2),
            StoreFault("answer trickles", first: .create, .trickle(40), silence: 2),
            StoreFault("six times SlowDown") {
                $0.operation == .part && $0.turn <= 6 ? .answer(503, slowDown) : .pass
            },
            StoreFault("every second request dropped") { $0.turn % 2 == 1 ? .dropRequest : .pass },
            StoreFault("every second answer dropped") { $0.turn % 2 == 1 ? .dropAnswer : .pass },
        ]

    @Test(.timeLimit(.minutes(10)), arguments: passing)
    func `an upload ends with the right object, once`(_ fault: StoreFault) async throws {
        try await onOwnThread {
            let faulty = try FaultyStore(silence: fault.silence, fault.judge)
            try withTemporaryDirectory { path in
                let journal = FilePartsJournal("u", in: try Directory.open(path))
                let receipt = try faulty.put(journal)
                #expect(receipt.evidence == .checksum)
                #expect(try journal.load() == nil)
            }
            #expect(try faulty.problems() == [])
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a small object whose answer was lost is known for ours`() async throws {
        try await onOwnThread {
            let faulty = try FaultyStore { $0.operation == .put && $0.turn == 1 ? .dropAnswer : .pass }
            let receipt = try faulty.store.put([1, 2, 3], to: "small")
            #expect(receipt.size == 3)
            #expect(faulty.proxy.count(.put) == 2)
            #expect(try faulty.bucket.store().keys() == ["small"])
        }
    }

    // MARK: What lasts

    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            (FaultProxy.Action.answer(500, internalError), Fault.Code.unreachable, Fault.Retry.temporary, 3),
            (.answer(503, slowDown), .unreachable, .throttle, 3), (.dropRequest, .unreachable, .temporary, 3),
            (.answer(400, FaultProxy.error("ExpiredToken")), .permission, .credentials, 2),
            (.answer(403, FaultProxy.error("AccessDenied")), .permission, .permanent, 1),
        ])
    func `a part that never arrives is named, and the next attempt sends only what is missing`(
        _ action: FaultProxy.Action, _ code: Fault.Code, _ retry: Fault.Retry, _ least: Int
    ) async throws {
        try await onOwnThread {
            let faulty = try FaultyStore(deadline: 1) { $0.operation == .part && $0.part == 2 ? action : .pass }
            try withTemporaryDirectory { path in
                let journal = FilePartsJournal("u", in: try Directory.open(path))
                let fault = try expectFault(code, "part 2") { try faulty.put(journal) }
                #expect(fault.message.contains("/logs/a/b.tar.gz"), "\(fault)")
                #expect(fault.retry == retry)
                #expect(faulty.proxy.requests.count { $0.operation == .part && $0.part == 2 } >= least)
                #expect(try faulty.bucket.store().keys() == [])
                let there = try #require(try journal.load()).parts.count
                let read = Monitor<Set<Int64>>([])
                let source = BytesSource(FaultyStore.bytes) { offset in
                    read.with { _ = $0.insert(offset / Int64(FaultyStore.partSize)) }
                }
                let receipt = try faulty.bucket.store().put(
                    source, expecting: FaultyStore.expected, to: try FaultyStore.key(),
                    PutOptions(tags: FaultyStore.tags, journal: journal))
                #expect(receipt.evidence == .checksum)
                #expect(read.with { $0.count } == 3 - there)
            }
            // The journal names the object by its URL, which is the same behind the proxy.
            #expect(try faulty.problems() == [])
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `bytes that change on the way each time are given up, and nothing is left`() async throws {
        try await onOwnThread {
            let faulty = try FaultyStore { $0.operation == .part && $0.part == 1 ? .flipRequest(77) : .pass }
            let fault = try expectFault(.damaged, "part 1 of 3") { try faulty.put() }
            #expect(fault.message.contains("/logs/a/b.tar.gz"), "\(fault)")
            #expect(faulty.proxy.requests.count { $0.operation == .part && $0.part == 1 } == 4)
            #expect(try faulty.bucket.store().keys() == [])
            #expect(try faulty.remains() == [])
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `an error behind status 200 that lasts is told, and the next attempt completes`() async throws {
        try await onOwnThread {
            let denied = FaultProxy.error("AccessDenied")
            let faulty = try FaultyStore {
                switch $0.operation {
                case .complete where $0.turn == 1: .answer(200, denied)
                case .copy where $0.turn == 1: .answer(200, Self.internalError)
                case .copy where $0.turn == 2: .replaceAnswer(200, Self.slowDown)
                case .copy where $0.turn == 4: .answer(200, denied)
                default: .pass
                }
            }
            try withTemporaryDirectory { path in
                let journal = FilePartsJournal("u", in: try Directory.open(path))
                try expectFault(.permission, "/logs/a/b.tar.gz: AccessDenied") { try faulty.put(journal) }
                #expect(try faulty.bucket.store().keys() == [])
                try faulty.put(journal)
                #expect(faulty.proxy.count(.part) == 3)
            }
            #expect(try faulty.problems() == [])
            let source = faulty.bucket.key(try FaultyStore.key())
            let origin = S3Client.CopySource(faulty.client.bucket, source)
            let etag = try faulty.client.copy(origin, to: "copy", S3NewObject()).get().etag
            #expect(faulty.proxy.count(.copy) == 3)
            #expect(try faulty.bucket.client.head("copy")?.etag == etag)
            guard case .failure(let error) = try faulty.client.copy(origin, to: "other", S3NewObject()) else {
                Issue.record("a copy that is refused has ended well")
                return
            }
            #expect(error.code == "AccessDenied")
        }
    }

    // MARK: Beginnings and ends that nobody has heard of

    @Test(.timeLimit(.minutes(10)))
    func `an upload that was begun unknown to us is aborted by the next attempt`() async throws {
        try await onOwnThread {
            // The store begins uploads, and none of its answers arrive.
            let faulty = try FaultyStore(deadline: 1) { $0.operation == .create ? .dropAnswer : .pass }
            try withTemporaryDirectory { path in
                let journal = FilePartsJournal("u", in: try Directory.open(path))
                try expectFault(.unreachable, "/logs/a/b.tar.gz") { try faulty.put(journal) }
                #expect(try faulty.remains().count >= 3)
                #expect(try journal.load()?.upload.id == "")
                let receipt = try faulty.bucket.store().put(
                    BytesSource(FaultyStore.bytes), expecting: FaultyStore.expected, to: try FaultyStore.key(),
                    PutOptions(tags: FaultyStore.tags, journal: journal))
                #expect(receipt.evidence == .checksum)
            }
            #expect(try faulty.problems() == [])
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `an object that was completed and not recorded is finished, not sent again`() async throws {
        try await onOwnThread {
            // After Complete nothing gets through.
            let isOver = Monitor(false)
            let faulty = try FaultyStore(deadline: 1) { request in
                isOver.with { isOver -> FaultProxy.Action in
                    if isOver { return .dropRequest }
                    isOver = request.operation == .complete
                    return isOver ? .dropAnswer : .pass
                }
            }
            try withTemporaryDirectory { path in
                let journal = FilePartsJournal("u", in: try Directory.open(path))
                try expectFault(.unreachable) { try faulty.put(journal) }
                isOver.with { $0 = false }
                let receipt = try faulty.put(journal)
                #expect(receipt.evidence == .checksum)
                #expect(faulty.proxy.count(.part) == 3)
                #expect(try journal.load() == nil)
            }
            #expect(try faulty.problems() == [])
        }
    }

    // MARK: What is put right

    @Test(.timeLimit(.minutes(10)), arguments: [FaultProxy.Operation.create, .part, .complete])
    func `credentials that expire in the middle are fetched anew, once`(_ operation: FaultProxy.Operation) async throws
    {
        try await onOwnThread {
            let server = try RGWServer.shared()
            let fetched = Monitor(0)
            let source = CachedCredentials {
                fetched.with { $0 += 1 }
                return Credentials(accessKey: server.accessKey, secretKey: Secret(server.secretKey))
            }
            let pace = CountingPace()
            let faulty = try FaultyStore(pace: pace, credentials: source) {
                $0.operation == operation && $0.turn == 1
                    ? .answer(400, FaultProxy.error("ExpiredToken")) : .pass
            }
            try faulty.put()
            #expect(fetched.with { $0 } == 2)
            #expect(try faulty.problems() == [])
            #expect(pace.counts.admitted == pace.counts.ended)
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: [-3_600, 3_600])
    func `a clock that is wrong is allowed for`(_ ahead: Int64) async throws {
        try await onOwnThread {
            let faulty = try FaultyStore(ahead: ahead)
            try faulty.put()
            // HEAD is refused once, and nothing after it.
            #expect(faulty.proxy.count(.head) == 4)
            #expect((faulty.proxy.count(.create), faulty.proxy.count(.part)) == (1, 3))
            #expect(try faulty.problems() == [])
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: [-3_600, 3_600])
    func `an upload whose id was lost is aborted by the store's time`(_ ahead: Int64) async throws {
        try await onOwnThread {
            let faulty = try FaultyStore(ahead: ahead) {
                $0.operation == .create && $0.turn == 1 ? .dropAnswer : .pass
            }
            try faulty.put()
            #expect(faulty.proxy.count(.create) == 2)
            #expect(try faulty.problems() == [])
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `threads that learn of a wrong clock at once all go on`() async throws {
        try await onOwnThread {
            let crowd = Crowd(4)
            let faulty = try FaultyStore(ahead: -3_600) { request in
                if request.operation == .head { crowd.meet() }
                return .pass
            }
            let crew = ThreadCrew()
            for number in 1...4 {
                try crew.start("head") {
                    let info = try faulty.client.head(ByteString("none-\(number)"))
                    #expect(info == nil)
                }
            }
            try crew.join()
            #expect(faulty.proxy.count(.head) == 8)
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: [301, 400])
    func `a bucket in another region is followed there, by all threads`(_ status: Int) async throws {
        try await onOwnThread {
            let code = status == 301 ? "PermanentRedirect" : "AuthorizationHeaderMalformed"
            let answer = FaultProxy.Action.answer(
                status, FaultProxy.error(code, "<Region>eu-test-1</Region>"),
                headers: status == 301 ? ["x-amz-bucket-region": "eu-test-1"] : [:])
            let crowd = Crowd(2)
            let pace = CountingPace()
            let faulty = try FaultyStore(pace: pace) { request in
                guard request.operation == .part else { return .pass }
                crowd.meet()
                let isThere = request.headers["authorization"]?.contains("/eu-test-1/s3/") ?? false
                return isThere ? .pass : answer
            }
            try faulty.put()
            #expect(faulty.proxy.count(.part) == 5)
            #expect(faulty.client.endpoint.region == "eu-test-1")
            #expect(try faulty.problems() == [])
            #expect(pace.counts.admitted == pace.counts.ended)
        }
    }

    // MARK: Reading

    @Test(.timeLimit(.minutes(10)))
    func `an answer that breaks goes on, and one that was changed on the way is read again`() async throws {
        try await onOwnThread {
            let faulty = try FaultyStore {
                switch $0.operation {
                case .get where $0.turn == 1: .cutAnswer(6_000_000)
                case .get where $0.turn == 2: .flipAnswer(5)
                case .get where $0.turn > 3: .flipAnswer(5)
                default: .pass
                }
            }
            try faulty.put()
            let key = try FaultyStore.key()
            #expect(try faulty.store.verify(key, expecting: FaultyStore.expected) == .reread)
            #expect(faulty.proxy.count(.get) == 3)
            try expectFault(.damaged, "/logs/a/b.tar.gz: sha256 is") {
                try faulty.store.verify(key, expecting: FaultyStore.expected)
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `an answer that trickles is broken off and goes on`() async throws {
        try await onOwnThread {
            let faulty = try FaultyStore(silence: 2) { $0.operation == .get && $0.turn == 1 ? .trickle(100) : .pass }
            try faulty.put()
            #expect(try faulty.store.verify(try FaultyStore.key(), expecting: FaultyStore.expected) == .reread)
            #expect(faulty.proxy.count(.get) >= 2)
        }
    }
}

/// Lets the first so many who come wait for each other.
private final class Crowd: Sendable {
    private let count: Int
    private let present = Monitor(0)

    init(_ count: Int) { self.count = count }

    func meet() {
        present.change { $0 += 1 }
        present.wait(wakes: false) { $0 >= count ? () : nil }
    }
}

/// Counts what begins and ends.
private final class CountingPace: RequestPace {
    private let pace = AdaptivePace(most: 8, backoff: Backoff(base: 0.01, cap: 0.05, deadline: 15))
    private let state = Monitor((admitted: 0, ended: 0))

    var counts: (admitted: Int, ended: Int) { state.with { $0 } }

    var time: Pace { pace.time }

    func admit() throws(Fault) -> AdaptiveLimit.Permit {
        state.with { $0.admitted += 1 }
        return try pace.admit()
    }

    func ended(_ permit: AdaptiveLimit.Permit, _ outcome: AdaptiveLimit.Outcome) {
        state.with { $0.ended += 1 }
        pace.ended(permit, outcome)
    }

    func delay(after attempts: Int, elapsed: Double, advice: Double?) -> Double? {
        pace.delay(after: attempts, elapsed: elapsed, advice: advice)
    }
}
