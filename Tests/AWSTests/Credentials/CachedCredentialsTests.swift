import AWS
import Platform
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct CachedCredentialsTests {
    /// A clock that a test sets, and a service that gives numbered credentials of some length.
    private final class Service: Sendable {
        struct State {
            var now: Int64 = 1_000_000
            var fetches = 0
            var fault: Fault?
            var isHeld = false
            var waiting = 0
        }
        let state = Monitor(State())
        let lifetime: Int64?
        init(lifetime: Int64? = 3_600) { self.lifetime = lifetime }

        func source() -> CachedCredentials {
            let (state, lifetime) = (state, lifetime)
            return CachedCredentials(clock: Clock { Timestamp(seconds: state.with { $0.now }) }) { () throws(Fault) in
                state.change { $0.waiting += 1 }
                state.wait { $0.isHeld ? nil : () }
                let (number, now, fault) = state.with { state in
                    state.waiting -= 1
                    state.fetches += 1
                    return (state.fetches, state.now, state.fault)
                }
                if let fault { throw fault }
                return Credentials(
                    accessKey: "\(number)", secretKey: Secret("s"),
                    expires: lifetime.map { Timestamp(seconds: now + $0) })
            }
        }
        func advance(_ seconds: Int64) { state.with { $0.now += seconds } }
        func fail(_ fault: Fault?) { state.with { $0.fault = fault } }
        func hold(_ isHeld: Bool) { state.change { $0.isHeld = isHeld } }
        var fetches: Int { state.with { $0.fetches } }
    }

    @Test("They are kept until five minutes before their end")
    func kept() throws {
        let service = Service()
        let source = service.source()
        #expect(try source.credentials().accessKey == "1")
        service.advance(3_299)
        #expect(try source.credentials().accessKey == "1")
        service.advance(1)
        #expect(try source.credentials().accessKey == "2")
        #expect(service.fetches == 2)
    }

    @Test("Without an end they are kept until they are refused")
    func refused() throws {
        let service = Service(lifetime: nil)
        let source = service.source()
        let first = try source.credentials()
        service.advance(100_000_000)
        #expect(try source.credentials() == first)
        source.discard(first)
        let second = try source.credentials()
        #expect(second.accessKey == "2")
        // Many threads are refused at once; the first has fetched new ones already.
        source.discard(first)
        #expect(try source.credentials() == second)
    }

    @Test("An early fetch that fails leaves the old ones in use, and is not tried for every request")
    func earlyFailure() throws {
        let service = Service()
        let source = service.source()
        _ = try source.credentials()
        service.advance(3_400)
        service.fail(Fault(.unreachable, "down"))
        for _ in 0..<10 { #expect(try source.credentials().accessKey == "1") }
        #expect(service.fetches == 2)
        service.advance(31)
        #expect(try source.credentials().accessKey == "1")
        #expect(service.fetches == 3)
        service.fail(nil)
        service.advance(31)
        #expect(try source.credentials().accessKey == "4")
    }

    @Test("Once they are over, a fetch that fails is what is told")
    func lateFailure() throws {
        let service = Service()
        let source = service.source()
        _ = try source.credentials()
        service.advance(3_590)
        service.fail(Fault(.unreachable, "down"))
        #expect(try source.credentials().accessKey == "1")
        service.advance(60)
        try expectFault(.unreachable, "down") { try source.credentials() }
        service.fail(nil)
        #expect(Int(try source.credentials().accessKey) == service.fetches)
    }

    @Test("Credentials that come with their end near are used for a while, not fetched for every request")
    func shortLived() throws {
        let service = Service(lifetime: -10)
        let source = service.source()
        for _ in 0..<10 { #expect(try source.credentials().accessKey == "1") }
        service.advance(31)
        #expect(try source.credentials().accessKey == "2")
    }

    @Test("One thread fetches, the others go on with the old ones while they hold")
    func others() async throws {
        let service = Service()
        let source = service.source()
        let first = try source.credentials()
        service.advance(3_400)
        service.hold(true)
        let renewed = Monitor<Credentials?>(nil)
        let crew = ThreadCrew()
        try crew.start("renew") {
            let found = try source.credentials()
            renewed.with { $0 = found }
        }
        #expect(try await eventually { service.state.with { $0.waiting } == 1 })
        for _ in 0..<100 { #expect(try source.credentials() == first) }
        service.hold(false)
        try await onOwnThread { try crew.join() }
        #expect(renewed.with { $0?.accessKey } == "2")
        #expect(service.fetches == 2)
    }

    @Test(
        "At the beginning, and when all is over, many threads wait for one fetch, whether it succeeds or fails",
        arguments: [true, false], [true, false])
    func together(succeeds: Bool, isRenewal: Bool) async throws {
        let service = Service()
        let source = service.source()
        if isRenewal {
            _ = try source.credentials()
            service.advance(3_601)
        }
        let before = service.fetches
        service.hold(true)
        if !succeeds { service.fail(Fault(.permission, "none")) }
        let outcomes = Monitor<[String]>([])
        let entered = Counter()
        let crew = ThreadCrew()
        for number in 0..<16 {
            try crew.start("user-\(number)") {
                entered.add(1)
                let outcome: String
                do { outcome = try source.credentials().accessKey } catch { outcome = "\(error)" }
                outcomes.with { $0.append(outcome) }
            }
        }
        #expect(try await eventually { service.state.with { $0.waiting } == 1 && entered.value == 16 })
        // Between entering and waiting there is a moment.
        try await Task.sleep(nanoseconds: 100_000_000)
        service.hold(false)
        try await onOwnThread { try crew.join() }
        #expect(outcomes.with { Set($0) } == [succeeds ? "\(before + 1)" : "none"])
        #expect(outcomes.with { $0.count } == 16)
        // One that had not come to waiting yet may fetch once more.
        #expect(succeeds ? service.fetches == before + 1 : service.fetches - before < 8)
    }

    @Test("Threads that are refused again and again, while credentials change, never see a fault or a stale answer")
    func stress() async throws {
        let service = Service()
        let source = service.source()
        try await onOwnThread {
            let crew = ThreadCrew()
            for number in 0..<8 {
                try crew.start("user-\(number)") {
                    var random = SplitMix64(seed: UInt64(number))
                    var last = 0
                    for _ in 0..<500 {
                        let found = try source.credentials()
                        let value = Int(found.accessKey) ?? 0
                        #expect(value >= last)
                        last = value
                        switch random.next() % 10 {
                        case 0: source.discard(found)
                        case 1: service.advance(1_000)
                        default: break
                        }
                    }
                }
            }
            try crew.join()
        }
        #expect(service.fetches > 10)
    }
}
