import AWS
import Platform
import TestSupport
import Testing
import Vault

/// Which uploads are our own and stale.
struct UploadSweepTests {
    private static let now = Timestamp(seconds: 1_800_000_000)
    private static let day: Int64 = 86_400
    private static let user = "arn:aws:iam::1:user/ship"
    private let sweep = UploadSweep(VaultLayout(job: "siem"), olderThan: 7 * day, now: now)

    private func upload(_ key: String, days: Int64?, by initiator: String? = user) -> OpenUpload {
        OpenUpload(
            key: ByteString(key), id: "1",
            initiated: days.map { Timestamp(seconds: Self.now.seconds - $0 * Self.day) }, initiator: initiator)
    }

    private func isStale(
        _ upload: OpenUpload, _ journal: UploadSweep.Journal = .none, owner: String? = user
    ) -> Bool {
        if case .stale = sweep.verdict(upload, journal, owner: owner) { true } else { false }
    }

    @Test func `without a journal, key, age and initiator must all be ours`() {
        #expect(isStale(upload("siem/acme/2026/11/20/web1.tar.gz", days: 8)))
        #expect(isStale(upload("siem/acme/2026/11/20/web1.g2.tar", days: 8)))
        #expect(isStale(upload("_coldchain-probe", days: 8)))
        #expect(!isStale(upload("siem/acme/2026/11/20/web1.tar.gz", days: 6)))
        #expect(!isStale(upload("siem/acme/2026/11/20/web1.tar.gz", days: nil)))
        #expect(!isStale(upload("siem/acme/2026/11/20/web1.tar.gz", days: 8, by: "arn:aws:iam::1:user/anna")))
        #expect(!isStale(upload("siem/acme/2026/11/20/web1.tar.gz", days: 8, by: nil)))
        #expect(!isStale(upload("siem/acme/2026/11/20/web1.tar.gz", days: 8), owner: nil))
        for other in [
            "web/a.tar.gz", "siem/a.zip", "siem/_ledger/x.tar.gz", "siem//a.tar.gz", "siem2/a.tar.gz", "a.tar",
        ] {
            #expect(!isStale(upload(other, days: 8)), "\(other)")
        }
    }

    @Test func `of a warehouse copies and the lists of jobs are ours`() {
        let sweep = UploadSweep(
            VaultLayout(job: "lake"), copiesObjects: true, olderThan: 7 * Self.day, now: Self.now)
        for place in ["data/db/x", "run/2026-11-20/db/x", "long/2026-11-20/x", "_batch/2026-11-20/db.data.x.csv"] {
            let ours = upload("lake/\(place)", days: 8)
            #expect(sweep.verdict(ours, .none, owner: Self.user) == .stale("staging knows nothing of it"), "\(place)")
        }
        let other = upload("lake/_ledger/2026-11-20/db.manifest.1.tsv.gz", days: 8)
        #expect(sweep.verdict(other, .none, owner: Self.user) == .kept("is no upload of this job"))
    }

    @Test func `sessions of one role are one owner, and those of another are not`() {
        let mine = "arn:aws:sts::1:assumed-role/ship/i-1"
        #expect(isStale(upload("siem/a.tar.gz", days: 8, by: "arn:aws:sts::1:assumed-role/ship/i-2"), owner: mine))
        #expect(!isStale(upload("siem/a.tar.gz", days: 8, by: "arn:aws:sts::1:assumed-role/anna/i-1"), owner: mine))
    }

    @Test func `what a journal names is kept while it is of use`() {
        let old = upload("siem/a.tar.gz", days: 80, by: nil)
        let young = upload("siem/a.tar.gz", days: 0, by: nil)
        #expect(!isStale(old, .alive, owner: nil))
        #expect(isStale(old, .waiting, owner: nil))
        #expect(!isStale(young, .waiting, owner: nil))
        #expect(isStale(young, .superseded, owner: nil))
        // Nobody has to be asked who we are for that.
        #expect(!sweep.needsOwner(old, .waiting))
        #expect(sweep.needsOwner(old, .none))
        #expect(!sweep.needsOwner(young, .none))
    }

    @Test(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"), .timeLimit(.minutes(10)))
    func `a real bucket tells our uploads, and one is aborted alone`() async throws {
        try await onOwnThread {
            let bucket = try CephBucket()
            let store = bucket.store()
            var ids: [String: String] = [:]
            for key in ["logs/siem/a.tar.gz", "logs/siem/b.tar.gz", "other/siem/c.tar.gz"] {
                ids[key] = try bucket.client.createUpload(ByteString(key), S3NewObject(), sendsChecksums: false)
            }
            let uploads = try store.openUploads()
            #expect(uploads.map(\.key) == ["siem/a.tar.gz", "siem/b.tar.gz"])
            #expect(uploads.map(\.id) == [ids["logs/siem/a.tar.gz"], ids["logs/siem/b.tar.gz"]])
            let owner = try #require(try store.ownInitiator())
            #expect(uploads.allSatisfy { $0.initiator == owner && $0.initiated != nil })
            let later = Timestamp(seconds: Clock.system.now().seconds + 8 * Self.day)
            let sweep = UploadSweep(VaultLayout(job: "siem"), olderThan: 7 * Self.day, now: later)
            let first = try #require(uploads.first)
            #expect(
                sweep.verdict(first, .none, owner: owner) == .stale("staging knows nothing of it"), "\(first) \(owner)")
            try store.abort(first)
            try store.abort(first)
            #expect(try store.openUploads().map(\.key) == ["siem/b.tar.gz"])
            var all = 0
            try bucket.client.uploads(prefix: "") { _ in all += 1 }
            #expect(all == 2)
        }
    }
}
