import AWS
import Codec
import HTTP
import Platform
import TestSupport
import Testing
import Vault

/// What is wrong with an object is found, whatever it is.
struct ExamineTests {
    private let bytes = content(10_000)
    private var expected: ExpectedContent { ExpectedContent(of: bytes) }

    private func kinds(
        _ store: any ObjectStore, _ key: String, _ expected: ExpectedContent?,
        _ reading: ObjectExamination.Reading = .never, tags: [String: String] = [:]
    ) throws -> [ObjectFinding.Kind] {
        try store.examine(try ObjectKey(key), expecting: expected, PutOptions(tags: tags), reading).findings.map(\.kind)
    }

    @Test(.timeLimit(.minutes(10)), arguments: StoreKind.available)
    func `missing and altered objects are found in every store`(_ kind: StoreKind) async throws {
        try await onOwnThread {
            try kind.withStore { stage in
                let store = stage.store
                try store.put(bytes, to: "job/a")
                #expect(try kinds(store, "job/a", expected, .always) == [])
                #expect(try kinds(store, "job/a", nil) == [])
                #expect(try kinds(store, "job/b", expected) == [.missing])
                #expect(try kinds(store, "job/a", ExpectedContent(of: content(9_999))) == [.altered])
                #expect(
                    try kinds(store, "job/a", ExpectedContent(of: content(10_000, seed: 2)), .unlessTold) == [.altered])
                try stage.flip(try ObjectKey("job/a"), 5_000)
                #expect(try kinds(store, "job/a", expected, .never) == [])
                let found = try store.examine(try ObjectKey("job/a"), expecting: expected, PutOptions(), .always)
                #expect(found.findings.map(\.kind) == [.altered])
                #expect(found.head?.size == 10_000)
            }
        }
    }

    @Test(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"), .timeLimit(.minutes(10)))
    func `class, tags and lock are compared with the settings`() async throws {
        try await onOwnThread {
            let bucket = try CephBucket(withObjectLock: true)
            var options = S3StoreOptions()
            options.archiveClass = "DEEP_ARCHIVE"
            let store = bucket.store(options)
            let key = try ObjectKey("siem/a")
            let tags = ["coldchain-job": "siem"]
            _ = try store.put(BytesSource(bytes), expecting: expected, to: key, PutOptions(tags: tags))
            #expect(try kinds(store, "siem/a", expected, .always, tags: tags) == [])
            #expect(try kinds(store, "siem/a", expected, tags: ["coldchain-job": "web"]) == [.wrongTags])
            #expect(try kinds(store, "siem/a", expected, tags: ["coldchain-run": "x"]) == [.wrongTags])

            options.archiveClass = "GLACIER"
            options.lock = (mode: "GOVERNANCE", days: 30)
            #expect(Set(try kinds(bucket.store(options), "siem/a", expected)) == [.wrongClass, .unlocked])
            options.archiveClass = "DEEP_ARCHIVE"
            let soon = Timestamp(seconds: Clock.system.now().seconds + 5 * 86_400)
            try bucket.client.putRetention(.init(mode: "GOVERNANCE", until: soon), bucket.key(key))
            #expect(try kinds(bucket.store(options), "siem/a", expected) == [.unlocked])
            let late = Timestamp(seconds: Clock.system.now().seconds + 30 * 86_400)
            try bucket.client.putRetention(.init(mode: "GOVERNANCE", until: late), bucket.key(key))
            #expect(try kinds(bucket.store(options), "siem/a", expected) == [])
            // One that has run out as it should is no finding.
            options.clock = Clock { Timestamp(seconds: late.seconds + 86_400) }
            options.lock = (mode: "COMPLIANCE", days: 30)
            #expect(try kinds(bucket.store(options), "siem/a", expected) == [])

            try bucket.client.putTags(["coldchain-retired": "true", "coldchain-job": "siem"], bucket.key(key))
            #expect(try kinds(store, "siem/a", expected, tags: tags) == [.deleted])
        }
    }

    @Test(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"), .timeLimit(.minutes(10)))
    func `delete markers and older versions are seen`() async throws {
        try await onOwnThread {
            let bucket = try CephBucket()
            try bucket.client.putConfiguration(
                .versioning, XMLElement("VersioningConfiguration", "", [XMLElement("Status", "Enabled")]))
            let store = bucket.store()
            for key in ["siem/plain", "siem/hidden", "siem/twice", "web/other"] { try store.put(bytes, to: key) }
            #expect(try store.versionMarks(prefix: "siem/").isEmpty)
            try bucket.flip(try ObjectKey("siem/twice"), at: 1)
            _ = try bucket.client.perform(S3Call(.delete, bucket.key(try ObjectKey("siem/hidden"))))
            let marks = try store.versionMarks(prefix: "siem/")
            #expect(Set(marks.keys.map(\.description)) == ["siem/hidden", "siem/twice"])
            let hidden = marks[try ObjectKey("siem/hidden")]
            #expect(hidden?.isDeleted == true)
            #expect(hidden?.older == 1)
            let twice = marks[try ObjectKey("siem/twice")]
            #expect(twice?.isDeleted == false)
            #expect(twice?.older == 1)
        }
    }
}
