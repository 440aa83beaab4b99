import Codec
import Ledger
import Platform
import TestSupport
import Testing
import Vault

/// What every back end of ``ObjectStore`` does alike.
struct ObjectStoreContract {
    @Test(arguments: StoreKind.available)
    func `what was put is there`(_ kind: StoreKind) throws {
        try kind.withStore { stage in
            let key = try ObjectKey("siem/acme/a.tar.gz")
            #expect(try stage.store.head(key) == nil)
            let before = Clock.system.now().seconds
            let bytes = content(2_500_000)
            let receipt = try stage.store.put(
                BytesSource(bytes), expecting: ExpectedContent(of: bytes, partSize: 1 << 20), to: key, PutOptions())
            #expect(receipt.key == key)
            #expect(receipt.size == 2_500_000)
            #expect(receipt.sha256 == SHA256Hasher.digest(of: bytes))
            #expect(receipt.evidence >= .reread)
            let head = try #require(try stage.store.head(key))
            #expect(head.size == 2_500_000)
            #expect((before - 2...before + 60).contains(head.modified.seconds))
            #expect(head.sha256 == nil || head.sha256 == receipt.sha256)
            #expect(try stage.store.read("siem/acme/a.tar.gz") == bytes)
        }
    }

    @Test(arguments: StoreKind.available)
    func `ranges are read`(_ kind: StoreKind) throws {
        try kind.withStore { stage in
            let bytes = content(1_000)
            try stage.store.put(bytes, to: "a")
            #expect(try stage.store.open(try ObjectKey("a")).size == 1_000)
            #expect(try stage.store.read("a", at: 10, count: 20) == Array(bytes[10..<30]))
            #expect(try stage.store.read("a", at: 990, count: 20) == Array(bytes[990...]))
            #expect(try stage.store.read("a", at: 1_000, count: 20) == [])
        }
    }

    @Test(arguments: StoreKind.available)
    func `an object that isn't there is not found`(_ kind: StoreKind) throws {
        try kind.withStore { stage in
            try stage.store.put([1], to: "a/b")
            for text in ["a", "x", "a/x", "a/b/c", "x/y/z"] {
                let key = try ObjectKey(text)
                #expect(try stage.store.head(key) == nil)
                try expectFault(.notFound) { try stage.store.open(key) }
                try expectFault(.notFound) { try stage.store.verify(key, expecting: ExpectedContent(of: [1])) }
            }
        }
    }

    @Test(arguments: StoreKind.available)
    func `an empty object is an object`(_ kind: StoreKind) throws {
        try kind.withStore { stage in
            try stage.store.put([], to: "empty")
            #expect(try stage.store.head(try ObjectKey("empty"))?.size == 0)
            #expect(try stage.store.read("empty") == [])
            #expect(try stage.store.keys() == ["empty"])
            let evidence = try stage.store.verify(try ObjectKey("empty"), expecting: ExpectedContent(of: []))
            #expect(evidence >= .reread)
        }
    }

    @Test(arguments: StoreKind.available)
    func `keys are listed in byte order`(_ kind: StoreKind) throws {
        try kind.withStore { stage in
            let keys = ["a-b", "a.b", "a/b", "a/b-c/d", "a/b.c", "a0", "b/c/d/e", "é", "Z", "a/é", "a b", "_x/y"]
            for key in keys.shuffled() { try stage.store.put(Array(key.utf8), to: key) }
            let sorted = try keys.map { try ObjectKey($0) }.sorted().map(\.description)
            #expect(try stage.store.keys() == sorted)
            #expect(sorted.prefix(4) == ["Z", "_x/y", "a b", "a-b"])
            var sizes: [String: Int64] = [:]
            try stage.store.list(prefix: "") { sizes[$0.description] = $1.size }
            let expected = Dictionary(uniqueKeysWithValues: keys.map { ($0, Int64($0.utf8.count)) })
            #expect(sizes == expected)
        }
    }

    @Test(arguments: StoreKind.available)
    func `a prefix goes by characters`(_ kind: StoreKind) throws {
        try kind.withStore { stage in
            for key in ["a/b", "a/bc", "a/bd/e", "a/bd/f/g", "a/c", "ab/x", "b"] { try stage.store.put([1], to: key) }
            #expect(try stage.store.keys("a/b") == ["a/b", "a/bc", "a/bd/e", "a/bd/f/g"])
            #expect(try stage.store.keys("a") == ["a/b", "a/bc", "a/bd/e", "a/bd/f/g", "a/c", "ab/x"])
            #expect(try stage.store.keys("a/") == ["a/b", "a/bc", "a/bd/e", "a/bd/f/g", "a/c"])
            #expect(try stage.store.keys("a/bd/f") == ["a/bd/f/g"])
            #expect(try stage.store.keys("a/bd/f/g") == ["a/bd/f/g"])
            #expect(try stage.store.keys("a/b/") == [])
            #expect(try stage.store.keys("nothing/here/") == [])
            for prefix in ["/", "../", "a/../b", "a//", "."] {
                try expectFault(.unsupported) { try stage.store.keys(prefix) }
            }
        }
    }

    @Test(arguments: StoreKind.available)
    func `a listing ends when its reader throws`(_ kind: StoreKind) throws {
        try kind.withStore { stage in
            for key in ["a", "b/c", "d"] { try stage.store.put([1], to: key) }
            var seen = 0
            let found = try expectFault(.tryLater) {
                try stage.store.list(prefix: "") { _, _ in
                    seen += 1
                    if seen == 2 { throw Fault(.tryLater, "enough") }
                }
            }
            #expect(found.message == "enough")
            #expect(seen == 2)
        }
    }

    @Test(arguments: StoreKind.available)
    func `nothing is overwritten`(_ kind: StoreKind) throws {
        try kind.withStore { stage in
            try stage.store.put([1, 2, 3], to: "a/b")
            let found = try expectFault(.exists) { try stage.store.put([4, 5, 6], to: "a/b") }
            #expect(found.message.contains("a/b"))
            // Not even by the same.
            try expectFault(.exists) { try stage.store.put([1, 2, 3], to: "a/b") }
            #expect(try stage.store.read("a/b") == [1, 2, 3])
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: StoreKind.available)
    func `of two writers of one key one wins, whole`(_ kind: StoreKind) async throws {
        let results = try await onOwnThread {
            try kind.withStore { stage in
                try (0..<20).map { round in try race(stage.store, "race/\(round)") }
            }
        }
        for (winners, losers, isWhole, count) in results {
            #expect(winners == 1)
            #expect(losers.count == 3)
            #expect(Set(losers).isSubset(of: [.exists, .tryLater]))
            #expect(isWhole)
            #expect(count == 1)
        }
    }

    private func race(_ store: any ObjectStore, _ key: String) throws -> (Int, [Fault.Code], Bool, Int) {
        let candidates = (0..<4).map { [UInt8](repeating: $0, count: 300_000) }
        let outcomes = Monitor<[Result<PutReceipt, Fault>]>([])
        let waiting = Monitor(0)
        let crew = ThreadCrew()
        for candidate in candidates {
            try crew.start("writer") {
                waiting.change { $0 += 1 }
                _ = waiting.wait { $0 == 4 ? true : nil }
                let outcome = Result { try store.put(candidate, to: key) }.mapError { Fault.wrapping($0) }
                outcomes.with { $0.append(outcome) }
            }
        }
        try crew.join()
        let all = outcomes.with { $0 }
        let receipts = all.compactMap { try? $0.get() }
        let losers = all.compactMap { outcome -> Fault.Code? in
            if case .failure(let fault) = outcome { fault.code } else { nil }
        }
        let bytes = try store.read(key)
        let isWhole = candidates.contains(bytes) && receipts.first?.sha256 == SHA256Hasher.digest(of: bytes)
        return (receipts.count, losers, isWhole, try store.keys(key).count { $0 == key })
    }

    @Test(arguments: StoreKind.available)
    func `an object with the right content is adopted`(_ kind: StoreKind) throws {
        try kind.withStore { stage in
            let bytes = content(1_500_000)
            try stage.store.put(bytes, to: "a")
            let key = try ObjectKey("a")
            #expect(try stage.store.verify(key, expecting: ExpectedContent(of: bytes)) >= .reread)
            #expect(try stage.store.verify(key, expecting: ExpectedContent(of: bytes, partSize: 1 << 20)) >= .reread)
            let other = content(1_500_000, seed: 2)
            try expectFault(.damaged) { try stage.store.verify(key, expecting: ExpectedContent(of: other)) }
            let shorter = ExpectedContent(of: Array(bytes.dropLast()))
            try expectFault(.damaged) { try stage.store.verify(key, expecting: shorter) }
        }
    }

    @Test(arguments: StoreKind.available, [0, 700_000, 1_499_999])
    func `a flipped bit is found`(_ kind: StoreKind, _ offset: Int) throws {
        try kind.withStore { stage in
            let bytes = content(1_500_000)
            try stage.store.put(bytes, to: "a/b")
            let key = try ObjectKey("a/b")
            try stage.flip(key, offset)
            let found = try expectFault(.damaged) { try stage.store.verify(key, expecting: ExpectedContent(of: bytes)) }
            #expect(found.message.contains("a/b"))
        }
    }

    @Test(arguments: StoreKind.available)
    func `a source that is not what is expected leaves nothing`(_ kind: StoreKind) throws {
        try kind.withStore { stage in
            let key = try ObjectKey("a/b")
            let bytes = content(2_500_000)
            var rotten = bytes
            rotten[2_200_000] ^= 1
            let source = BytesSource(rotten, name: "rotten.tar.gz")

            let whole = try expectFault(.damaged) {
                try stage.store.put(source, expecting: ExpectedContent(of: bytes), to: key, PutOptions())
            }
            #expect(whole.message.contains("rotten.tar.gz"))
            #expect(whole.message.contains(SHA256Hasher.digest(of: bytes).description))
            #expect(whole.message.contains(SHA256Hasher.digest(of: rotten).description))

            let expected = ExpectedContent(of: bytes, partSize: 1 << 20)
            let part = try expectFault(.damaged) {
                try stage.store.put(source, expecting: expected, to: key, PutOptions())
            }
            #expect(part.message.contains("rotten.tar.gz: part 3 of 3"))
            #expect(part.message.contains(try #require(expected.parts).digests[2].description))
            #expect(part.message.contains(SHA256Hasher.digest(of: Array(rotten[(2 << 20)...])).description))

            try expectFault(.damaged) {
                try stage.store.put(
                    source, expecting: ExpectedContent(of: Array(rotten.dropLast())), to: key, PutOptions())
            }

            // The parts are right and the whole is not: one of the two statements is wrong.
            let torn = ExpectedContent(
                size: 2_500_000, sha256: SHA256Hasher.digest(of: [1]), parts: expected.parts)
            try expectFault(.damaged) {
                try stage.store.put(BytesSource(bytes), expecting: torn, to: key, PutOptions())
            }

            #expect(try stage.store.head(key) == nil)
            #expect(try stage.store.keys() == [])
            try stage.store.put(bytes, to: "a/b")
        }
    }

    @Test(arguments: StoreKind.available)
    func `a source that fails or ends early leaves nothing`(_ kind: StoreKind) throws {
        try kind.withStore { stage in
            let key = try ObjectKey("a/b")
            let bytes = content(2_500_000)
            let expected = ExpectedContent(of: bytes)
            let short = BytesSource(Array(bytes[..<1_500_000]), name: "short", size: 2_500_000)
            let early = try expectFault(.changed) {
                try stage.store.put(short, expecting: expected, to: key, PutOptions())
            }
            #expect(early.message.contains("short: ends at 1500000 of 2500000 bytes"))

            for code in [Fault.Code.io, .interrupted] {
                let failing = BytesSource(bytes) { offset throws(Fault) in
                    if offset >= 1 << 20 { throw Fault(code, "no more") }
                }
                try expectFault(code) { try stage.store.put(failing, expecting: expected, to: key, PutOptions()) }
            }
            #expect(try stage.store.head(key) == nil)
            #expect(try stage.store.keys() == [])
            try stage.store.put(bytes, to: "a/b")
        }
    }

    @Test(arguments: StoreKind.available)
    func `odd keys are only names`(_ kind: StoreKind) throws {
        try kind.withStore { stage in
            let long = Array(repeating: String(repeating: "k", count: 255), count: 3).joined(separator: "/")
            let keys = ["-rf", "a b\\c", "%2e%2e", "~root", "x'\"$(date)", "日本/語", "e\u{301}", "\u{E9}", "a*?[", long]
            for key in keys { try stage.store.put(Array(key.utf8), to: key) }
            for key in keys { #expect(try stage.store.read(key) == Array(key.utf8)) }
            // Strings are equal when they look alike; bytes are not.
            let listed = try stage.store.keys().map { Array($0.utf8) }
            let expected = keys.map { Array($0.utf8) }
            #expect(Set(listed) == Set(expected))
        }
    }
}
