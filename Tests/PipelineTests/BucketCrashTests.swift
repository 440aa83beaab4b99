import Platform
import TestSupport
import Testing

extension InjectionTests {
    /// ship, killed in the middle of an upload in parts, and archives that rot before they are shipped.
    @Suite(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
    struct BucketCrashTests {
        /// Runs the same command again after a kill and looks at all that follows.
        private func completes(_ bucket: BucketWorld, _ what: String) async throws {
            let before = bucket.proxy.count(.part)
            let again = try await bucket.ship()
            #expect(again.status == 0, "\(what): \(again)")
            let parts = bucket.proxy.count(.part)
            #expect(
                parts <= BucketWorld.parts + BucketWorld.uploads, "\(what): \(before), then \(parts - before) parts")
            let problems = try await bucket.problems()
            #expect(problems == [], "\(what)")
            // Nothing is left to do, and nothing is sent.
            let puts = bucket.proxy.count(.put)
            let third = try await bucket.ship()
            #expect(third.status == 0, "\(what): \(third)")
            #expect((bucket.proxy.count(.part), bucket.proxy.count(.put)) == (parts, puts), "\(what)")
        }

        @Test(
            "ship killed at writes, syncs and renames of an upload sends at most the parts in flight again",
            .timeLimit(.minutes(4)), arguments: [["write", "pwrite"], ["fsync", "fdatasync"], ["rename", "unlink"]])
        func counted(_ calls: [String]) async throws {
            let packed = try await BucketWorld()
            let whole = try await BucketWorld(copyOf: packed)
            let mark = whole.world.root + "/fault.mark"
            let counting = Injection(calls: calls, action: .count, below: whole.world.root + "/", mark: mark)
            let result = try await whole.ship(counting)
            #expect(result.status == 0, "\(result)")
            #expect(whole.proxy.count(.part) == BucketWorld.parts)
            // The small archive is asked for before and after it is written, and not once more for the manifest.
            let looks = whole.proxy.requests.filter { $0.method == "HEAD" && $0.target.hasSuffix("/web2.tar.gz") }
            #expect(looks.count == 2)
            let count = Int(String(decoding: try whole.world.read(mark), as: UTF8.self).filter(\.isNumber)) ?? 0
            #expect(count > 0)
            let step = max(1, (count + 3) / 4)
            try await sideBySide(stride(from: 1, through: count, by: step)) { number in
                let bucket = try await BucketWorld(copyOf: packed)
                let injection = Injection(
                    calls: calls, when: number, action: .kill, below: bucket.world.root + "/")
                let killed = try await bucket.ship(injection)
                #expect(killed.ending == .signalled(9) || killed.status == 0, "\(injection): \(killed)")
                try await completes(bucket, "\(injection) of \(count)")
            }
        }

        @Test("ship killed at random times sends at most the parts in flight again", .timeLimit(.minutes(4)))
        func random() async throws {
            let packed = try await BucketWorld()
            let whole = try await BucketWorld(copyOf: packed)
            let began = Clock.monotonic()
            let result = try await whole.ship()
            #expect(result.status == 0, "\(result)")
            let time = Clock.monotonic() - began
            try await sideBySide(1...5) { _ in
                let bucket = try await BucketWorld(copyOf: packed)
                let seconds = Double.random(in: 0.02...max(0.1, time))
                let killed = try await bucket.ship(through: ["timeout", "-s", "KILL", "\(seconds)"])
                #expect(killed.status == 137 || killed.status == 0, "after \(seconds): \(killed)")
                try await completes(bucket, "killed after \(seconds) of \(time) seconds")
            }
        }

        @Test("A byte that flips in a packed archive is named with its part, and fails that archive alone")
        func rot() async throws {
            let packed = try await BucketWorld()
            let bucket = try await BucketWorld(copyOf: packed)
            let archive = bucket.world.runDirectory() + "/pack/acme/2025/11/19/web1.tar.gz"
            try await bucket.world.shell(
                """
                byte=$(od -An -tu1 -j "$2" -N 1 "$1")
                printf "\\\\x$(printf %x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
                """, [archive, "\(BucketWorld.partSize + 1_000)"])
            let result = try await bucket.ship()
            #expect(result.status == 3, "\(result)")
            #expect(result.errors.contains("acme/2025/11/19/web1"), "\(result)")
            #expect(result.errors.contains("part 2 of \(BucketWorld.parts)"), "\(result)")
            let (keys, uploads) = try await bucket.content()
            #expect(!keys.contains(BucketWorld.key) && keys.contains("v/logs/acme/2025/11/19/web2.tar.gz"), "\(keys)")
            #expect(uploads == [])
            let records = try await bucket.world.shell(
                "find \"$1\" -path '*records/ship*' -name '*.json'", [bucket.world.runDirectory()])
            #expect(
                !records.output.contains("acme/2025/11/19/web1.json")
                    && records.output.contains("acme/2025/11/19/web2.json"), "\(records)")
        }
    }
}
