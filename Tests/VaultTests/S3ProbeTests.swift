import AWS
import Codec
import Platform
import TestSupport
import Testing
import Vault

/// What a store is asked before and after a small object is written, by what is known of the store.
@Suite(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
struct S3ProbeTests {
    private static let probe = "_coldchain-probe"
    /// Objects that are asked for before it is found out whether that is needed.
    private static let unknown = 10

    private static func put(_ store: S3Store, _ names: [String], _ options: PutOptions = PutOptions()) throws
        -> [Evidence]
    {
        try names.map { name in
            let bytes = Array(name.utf8)
            return try store.put(
                BytesSource(bytes), expecting: ExpectedContent(of: bytes), to: try ObjectKey(name), options
            ).evidence
        }
    }

    private static func methods(_ faulty: FaultyStore) -> [String] {
        faulty.proxy.requests.filter { $0.target.hasSuffix("/\(probe)") && !$0.target.contains("?") }.map(\.method)
    }

    @Test("A store that refuses taken keys is not asked for them any more", .timeLimit(.minutes(5)))
    func refusing() async throws {
        try await onOwnThread {
            let faulty = try FaultyStore()
            let names = (0..<15).map { "a/\($0)" }
            #expect(try Self.put(faulty.store, names).allSatisfy { $0 == .checksum })
            // Each is looked at once it is written, and the first ones before that.
            #expect(faulty.proxy.count(.head) == 15 + Self.unknown)
            #expect(faulty.proxy.count(.put) == 15)
            #expect(Self.methods(faulty) == ["HEAD", "PUT", "PUT"])
            // What was tried on is no object of the vault.
            #expect(try faulty.store.keys() == names.sorted())
            #expect(try faulty.bucket.client.head(ByteString("logs/\(Self.probe)"))?.size == 0)

            // A taken key is refused by the store itself, and nothing there changes.
            let key = try ObjectKey("a/3")
            try expectFault(.exists, "a/3") {
                try faulty.store.put(BytesSource([1]), expecting: ExpectedContent(of: [1]), to: key, PutOptions())
            }
            #expect(faulty.proxy.count(.put) == 16)
            #expect(try faulty.store.read("a/3") == Array("a/3".utf8))

            // The next process has only to see that it is refused.
            let next = S3Store(faulty.client, prefix: CephBucket.prefix, faulty.store.options)
            _ = try Self.put(next, (0..<12).map { "b/\($0)" })
            #expect(Self.methods(faulty) == ["HEAD", "PUT", "PUT", "HEAD", "PUT"])
        }
    }

    @Test("A store that writes over what is there is asked each time, and never tried again", .timeLimit(.minutes(5)))
    func overwriting() async throws {
        try await onOwnThread {
            let faulty = try FaultyStore()
            // In a bucket with versions Ceph 16 compares with the version that is to be written, which is never there.
            try faulty.bucket.client.putConfiguration(
                .versioning, XMLElement("VersioningConfiguration", "", [XMLElement("Status", "Enabled")]))
            _ = try Self.put(faulty.store, (0..<15).map { "a/\($0)" })
            #expect(Self.methods(faulty) == ["HEAD", "PUT", "PUT"])
            #expect(faulty.proxy.count(.head) == 15 + 15)
            try expectFault(.exists) { try Self.put(faulty.store, ["a/14"]) }
            #expect(faulty.proxy.count(.put) == 15)

            let next = S3Store(faulty.client, prefix: CephBucket.prefix, faulty.store.options)
            _ = try Self.put(next, (0..<12).map { "b/\($0)" })
            #expect(Self.methods(faulty) == ["HEAD", "PUT", "PUT", "HEAD"])
            #expect(faulty.proxy.count(.head) == 15 + 15 + 1 + 12 + 12)
            var older: [String] = []
            try faulty.bucket.client.versions(prefix: "") { version in
                if !version.isLatest { older.append(version.key.description) }
            }
            #expect(older == ["logs/\(Self.probe)"])
        }
    }

    @Test("A store that lets nobody write the probe is asked each time", .timeLimit(.minutes(5)))
    func denied() async throws {
        try await onOwnThread {
            let faulty = try FaultyStore {
                $0.target.hasSuffix(Self.probe) && $0.method == "PUT"
                    ? .answer(403, FaultProxy.error("AccessDenied")) : .pass
            }
            _ = try Self.put(faulty.store, (0..<13).map { "a/\($0)" })
            #expect(Self.methods(faulty) == ["HEAD", "PUT"])
            #expect(faulty.proxy.count(.head) == 13 + 13)
        }
    }

    @Test("A refusal after a lost answer is known for the process's own object", .timeLimit(.minutes(5)))
    func lostAnswer() async throws {
        try await onOwnThread {
            let faulty = try FaultyStore { $0.operation == .put && $0.turn == 1 ? .dropAnswer : .pass }
            var options = faulty.store.options
            options.refusesTakenKeys = true
            let store = S3Store(faulty.client, prefix: CephBucket.prefix, options)
            // What the store called it is lost with the answer.
            #expect(try Self.put(store, ["a"]) == [.reread])
            #expect(faulty.proxy.count(.put) == 2)
            #expect(try store.read("a") == Array("a".utf8))
        }
    }

    @Test("A large object is asked for before it is sent", .timeLimit(.minutes(5)))
    func large() async throws {
        try await onOwnThread {
            let faulty = try FaultyStore()
            var options = faulty.store.options
            options.refusesTakenKeys = true
            let store = S3Store(faulty.client, prefix: CephBucket.prefix, options)
            let bytes = content((16 << 20) + 1)
            try store.put(bytes, to: "a")
            #expect(faulty.proxy.count(.head) == 2)
            try expectFault(.exists) { try store.put(bytes, to: "a") }
            #expect(faulty.proxy.count(.put) == 1)
        }
    }

    // MARK: After it is written

    private static var sidecar: PutOptions {
        var options = PutOptions(.sidecar)
        options.isProvedByAnswer = true
        return options
    }

    @Test("Of sidecars the first is looked at, and the store's answer proves the others", .timeLimit(.minutes(5)))
    func sidecars() async throws {
        try await onOwnThread {
            let faulty = try FaultyStore()
            var options = faulty.store.options
            options.refusesTakenKeys = true
            let store = S3Store(faulty.client, prefix: CephBucket.prefix, options)
            #expect(try Self.put(store, ["a", "b", "c"], Self.sidecar) == [.checksum, .checksum, .checksum])
            #expect(faulty.proxy.count(.head) == 1)
            // An archive is looked at in any case, and so is what is not said to be less.
            var archive = Self.sidecar
            archive.role = .archive
            _ = try Self.put(store, ["d"], archive)
            _ = try Self.put(store, ["e"], PutOptions(.sidecar))
            #expect(faulty.proxy.count(.head) == 3)
        }
    }

    @Test(
        "A sidecar is looked at where its answer proves nothing", .timeLimit(.minutes(5)),
        arguments: [["ETag": ""], ["ETag": "\"x\"", "x-amz-checksum-sha256": "AAAA"]])
    func answers(_ headers: [String: String]) async throws {
        try await onOwnThread {
            let faulty = try FaultyStore {
                $0.operation == .put && $0.turn == 2 ? .replaceAnswer(200, headers: headers) : .pass
            }
            var options = faulty.store.options
            options.refusesTakenKeys = true
            let store = S3Store(faulty.client, prefix: CephBucket.prefix, options)
            // What can't be told from the answer is read back.
            #expect(try Self.put(store, ["a", "b", "c"], Self.sidecar) == [.checksum, .reread, .checksum])
            #expect(faulty.proxy.count(.head) == 2)
            #expect(faulty.proxy.count(.get) == 1)
        }
    }

    @Test("Sidecars are looked at where the store compares nothing, or locks them", .timeLimit(.minutes(5)))
    func distrusted() async throws {
        try await onOwnThread {
            let faulty = try FaultyStore()
            var options = faulty.store.options
            (options.refusesTakenKeys, options.refusesWrongDigests) = (true, false)
            let credulous = S3Store(faulty.client, prefix: CephBucket.prefix, options)
            #expect(try Self.put(credulous, ["a", "b"], Self.sidecar) == [.reread, .reread])
            #expect(faulty.proxy.count(.head) == 2)

            let locked = try CephBucket(withObjectLock: true)
            options.refusesWrongDigests = nil
            options.lock = (mode: "GOVERNANCE", days: 1)
            let store = S3Store(
                faulty.client.sibling(bucket: locked.client.bucket), prefix: CephBucket.prefix, options)
            #expect(try Self.put(store, ["a", "b"], Self.sidecar) == [.checksum, .checksum])
            #expect(faulty.proxy.count(.head) == 4)
            for name in ["a", "b"] {
                let info = try locked.client.head(locked.key(try ObjectKey(name)))
                #expect(info?.lockMode == "GOVERNANCE")
            }
        }
    }
}
