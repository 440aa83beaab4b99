import AWS
import Glibc
import HTTP
import Platform
import Settings
import TestSupport
import Testing
import Vault

/// Marks for deletion, on a disk and in a bucket.
struct RetirementTests {
    private static let mark = Retirement(at: Timestamp(seconds: 1_790_000_000), run: "2026-09-21")

    /// What holds of every store that can retire.
    private func contract(_ store: any RetiringStore) throws {
        let (a, b) = (try ObjectKey("siem/x/a.tar.gz"), try ObjectKey("siem/x/b.tar.gz"))
        try store.put([1, 2, 3], to: "siem/x/a.tar.gz")
        #expect(try store.retirement(a) == nil)
        #expect(try store.retire(a, Self.mark))
        #expect(try store.retirement(a) == Self.mark)
        // Again, later: the first date counts.
        #expect(try store.retire(a, Retirement(at: Timestamp(seconds: 1_790_086_400), run: "x")))
        #expect(try store.retirement(a) == Self.mark)
        // It is still an object like any other, and its mark is none.
        #expect(try store.read("siem/x/a.tar.gz") == [1, 2, 3])
        #expect(try store.keys() == ["siem/x/a.tar.gz"])
        #expect(try store.standing(a)?.head.size == 3)
        #expect(try store.takeBack(a) == .unmarked)
        #expect(try store.takeBack(a) == .wasLive)
        #expect(try store.retirement(a) == nil)
        // What is not there.
        #expect(try !store.retire(b, Self.mark))
        #expect(try store.retirement(b) == nil)
        #expect(try store.takeBack(b) == .gone)
        #expect(try store.standing(b) == nil)
        #expect(abs(try store.moment().since(Clock.system.now())) < 60)
    }

    @Test func `a directory keeps marks beside objects, and removes what is marked for long enough`() throws {
        try withTemporaryDirectory { path in
            let store = FileStore(try Directory.open(path))
            try contract(store)
            let key = try ObjectKey("siem/x/a.tar.gz")
            let (before, after) = (Self.mark.at.adding(-1), Self.mark.at.adding(1))
            #expect(try !store.remove(key, retiredBefore: after))
            #expect(try store.retire(key, Self.mark))
            #expect(try !store.remove(key, retiredBefore: before))
            #expect(try store.read("siem/x/a.tar.gz") == [1, 2, 3])
            #expect(try store.remove(key, retiredBefore: after))
            #expect(try store.remove(key, retiredBefore: after))
            #expect(try store.head(key) == nil)
            // The directory that has nothing any more is gone, the job's own is not.
            let names = try Directory.open(path + "/siem").names()
            #expect(names.isEmpty)
            // A mark that a crash has left is not that of a new object.
            try store.put([1, 2, 3], to: "siem/x/a.tar.gz")
            #expect(try store.retire(key, Self.mark))
            try Directory.open(path + "/siem/x").remove("a.tar.gz")
            try store.put([4], to: "siem/x/a.tar.gz")
            #expect(try store.retirement(key) == nil)
            #expect(try !store.remove(key, retiredBefore: after))
        }
    }

    @Test(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"), .timeLimit(.minutes(10)))
    func `a bucket keeps marks as tags, beside those of others`() async throws {
        try await onOwnThread {
            let bucket = try CephBucket()
            let store = bucket.store()
            try contract(store)
            let key = try ObjectKey("siem/x/a.tar.gz")
            try bucket.client.putTags(["owner": "sales", "coldchain-run": "2026-01-01"], bucket.key(key))
            #expect(try store.retire(key, Self.mark))
            let tags = try bucket.client.tags(bucket.key(key))
            #expect(
                tags == [
                    "owner": "sales", "coldchain-run": "2026-01-01", "coldchain-retired": "true",
                    "coldchain-retired-at": Self.mark.at.rfc3339,
                ])
            #expect(try store.takeBack(key) == .unmarked)
            #expect(try bucket.client.tags(bucket.key(key)) == ["owner": "sales", "coldchain-run": "2026-01-01"])
            // Ten tags and no more: what only people read gives way.
            let nine = Dictionary(uniqueKeysWithValues: (1...9).map { ("t\($0)", "x") })
            try bucket.client.putTags(nine, bucket.key(key))
            #expect(try store.retire(key, Self.mark))
            #expect(try bucket.client.tags(bucket.key(key)) == nine.merging(["coldchain-retired": "true"]) { $1 })
            _ = try store.takeBack(key)
            try bucket.client.putTags(nine.merging(["t10": "x"]) { $1 }, bucket.key(key))
            try expectFault(.limit, "has 10 tags") { try store.retire(key, Self.mark) }
            try expectFault(.unsupported) { try store.remove(key, retiredBefore: Self.mark.at) }
            #expect(try store.deletionRules() == DeletionRules(refused: [], deletesRetired: false))
        }
    }

    /// With a gateway for which three seconds are a day.
    @Test(
        .enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"), .timeLimit(.minutes(10)), arguments: [false, true])
    func `the lifecycle deletes what is retired, and nothing else`(hasVersions: Bool) async throws {
        try await onOwnThread {
            let bucket = try CephBucket(withObjectLock: hasVersions)
            let store = bucket.store()
            let names = ["retired", "undone", "held", "never"]
            for name in names { try store.put(Array(name.utf8), to: "siem/\(name)") }
            // Not `setup --apply`: its policy would keep the undo of a delete marker from working.
            let rules = LifecycleRules(prefix: CephBucket.prefix + "/", grace: 1_000)
            try bucket.client.putConfiguration(.lifecycle, rules.merged(with: nil))
            #expect(try store.deletionRules() == DeletionRules(refused: [], deletesRetired: true))
            if hasVersions {
                #expect(try store.canHold())
                #expect(try store.setHold(true, try ObjectKey("siem/held")))
                #expect(try store.standing(try ObjectKey("siem/held"))?.isHeld == true)
                #expect(try !store.setHold(true, try ObjectKey("siem/none")))
            } else {
                #expect(try !store.canHold())
            }
            #expect(try store.retire(try ObjectKey("siem/undone"), Self.mark))
            #expect(try store.takeBack(try ObjectKey("siem/undone")) == .unmarked)
            #expect(try store.retire(try ObjectKey("siem/retired"), Self.mark))
            let end = Clock.monotonic() + 90
            while try store.head(try ObjectKey("siem/retired")) != nil, Clock.monotonic() < end { usleep(300_000) }
            #expect(try store.head(try ObjectKey("siem/retired")) == nil)
            // Some more of the lifecycle's days.
            usleep(7_000_000)
            #expect(try store.keys() == ["siem/held", "siem/never", "siem/undone"])
            if hasVersions {
                // What a delete marker hides comes back, and stays.
                #expect(try store.takeBack(try ObjectKey("siem/retired")) == .uncovered)
                #expect(try store.retirement(try ObjectKey("siem/retired")) == nil)
                usleep(7_000_000)
                #expect(try store.read("siem/retired") == Array("retired".utf8))
                #expect(try store.setHold(false, try ObjectKey("siem/held")))
            } else {
                #expect(try store.takeBack(try ObjectKey("siem/retired")) == .gone)
            }
        }
    }
}

extension Timestamp {
    fileprivate func adding(_ seconds: Int64) -> Timestamp { Timestamp(seconds: self.seconds + seconds) }
}
