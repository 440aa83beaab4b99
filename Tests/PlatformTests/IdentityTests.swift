import Glibc
import Platform
import TestSupport
import Testing

struct IdentityTests {
    @Test func `random ids are 128 bits in hexadecimal and differ`() {
        let ids = (0..<1_000).map { _ in RandomID.make() }
        #expect(Set(ids).count == 1_000)
        #expect(ids.allSatisfy { $0.utf8.count == 32 && $0.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) } })
    }

    @Test func `the process knows its host, boot and user`() async throws {
        #expect(try await run(["uname", "-n"]).lines == [ProcessIdentity.host])
        #expect(try await run(["cat", "/proc/sys/kernel/random/boot_id"]).lines == [ProcessIdentity.boot])
        #expect(try await run(["id", "-un"]).lines == [ProcessIdentity.user])
        #expect(ProcessIdentity.pid == Int(getpid()))
    }

    @Test(.timeLimit(.minutes(10))) func `a counter loses nothing between threads`() async throws {
        let counter = Counter()
        try await onOwnThread {
            let crew = ThreadCrew()
            for number in 1...8 {
                try crew.start("adder") { for _ in 0..<10_000 { counter.add(Int64(number)) } }
            }
            try crew.join()
        }
        #expect(counter.value == 360_000)
    }
}
