import AWS
import Codec
import Platform
import TestSupport
import Testing

@testable import Warehouse

/// Copies inside Ceph's object gateway; archive classes it doesn't have.
@Suite(.enabled(if: RGWServer.isInstalled, "\(RGWServer.reason)"))
struct ObjectCopierTests {
    private static let oddKeys: [ByteString] = [
        "a b", "+", "%", "%2B", "&", "=", "#", "?", "a?versionId=x", "line\nfeed", "/leading", "a//b", "é/日本",
        "trailing/",
        ByteString(String(repeating: "k", count: 1_024)),
    ]

    @Test(.timeLimit(.minutes(5)))
    func `keys with every odd byte are copied, and back`() async throws {
        try await onOwnThread {
            let lake = try LakeBuckets()
            for key in Self.oddKeys {
                let etag = try lake.put(key, key.bytes)
                let item = CopyItem(key: key, size: Int64(key.count), etag: etag)
                let object = lake.keys.object(for: key, wasHeld: false)
                let place = try lake.places.place(object)
                #expect(try lake.copier().copy(item, to: place.key, uploads: LargeCopies()) == .copied(etag: etag))
                #expect(try lake.content(place.client, place.key) == key.bytes, "\(key)")
                try lake.delete(lake.source, key)
                let back = CopyItem(key: place.key, size: item.size, etag: etag)
                let copier = ObjectCopier(from: place.client, to: lake.source)
                #expect(try copier.copy(back, to: key, uploads: LargeCopies()) == .copied(etag: etag))
                #expect(try lake.content(lake.source, key) == key.bytes, "\(key)")
            }
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `metadata and tags come along, except for our own`() async throws {
        try await onOwnThread {
            let lake = try LakeBuckets()
            var object = S3NewObject()
            object.metadata = ["owner": "a b"]
            object.content = ["Content-Type": "text/x-special", "Cache-Control": "no-cache"]
            let etag = try lake.put("k", [1, 2], object)
            try lake.source.putTags(["team": "x&y", "coldchain-retired": "true"], "k")
            var options = ObjectCopier.Options()
            options.tags = ["coldchain-job": "lake"]
            let item = CopyItem(key: "k", size: 2, etag: etag, storageClass: "GLACIER")
            #expect(try lake.copier(options).copy(item, to: "c", uploads: LargeCopies()) == .copied(etag: etag))
            let info = try #require(try lake.target.head("c"))
            #expect(info.metadata == ["owner": "a b", "coldchain-source-etag": etag])
            #expect(info.content["Content-Type"] == "text/x-special")
            #expect(info.content["Cache-Control"] == "no-cache")
            #expect(info.storageClass == "GLACIER")
            #expect(try lake.target.tags("c") == ["team": "x&y", "coldchain-job": "lake"])
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `what is there already stays, and what is gone is told`() async throws {
        try await onOwnThread {
            let lake = try LakeBuckets()
            let etag = try lake.put("k", [1, 2])
            let item = CopyItem(key: "k", size: 2, etag: etag)
            let copier = lake.copier()
            #expect(try copier.copy(item, to: "c", uploads: LargeCopies()) == .copied(etag: etag))
            #expect(try copier.copy(item, to: "c", uploads: LargeCopies()) == .adopted(etag: etag))
            let newer = try lake.put("k", [3, 4])
            #expect(try copier.copy(item, to: "d", uploads: LargeCopies()) == .changed)
            let other = CopyItem(key: "k", size: 2, etag: newer)
            #expect(try copier.copy(other, to: "c", uploads: LargeCopies()) == .taken)
            #expect(try lake.content(lake.target, "c") == [1, 2])
            try lake.delete(lake.source, "k")
            #expect(try copier.copy(item, to: "d", uploads: LargeCopies()) == .vanished)
            #expect(try lake.target.head("d") == nil)
            // A bucket that is not there is no object that is gone.
            let nowhere = ObjectCopier(from: lake.source.sibling(bucket: "none-" + RandomID.make()), to: lake.target)
            try expectFault(.notFound, "NoSuchBucket") { _ = try nowhere.copy(item, to: "e", uploads: LargeCopies()) }
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `a large object is copied in parts, and gone on with`() async throws {
        try await onOwnThread {
            let lake = try LakeBuckets()
            var object = S3NewObject()
            object.metadata = ["owner": "me"]
            let bytes = (0..<(12 << 20)).map { UInt8(truncatingIfNeeded: $0 >> 12) }
            let etag = try lake.put("big", bytes, object)
            try lake.source.putTags(["team": "x"], "big")
            var options = ObjectCopier.Options()
            (options.largestCopy, options.partSize) = (5 << 20, 5 << 20)
            let item = CopyItem(key: "big", size: Int64(bytes.count), etag: etag)
            try withTemporaryDirectory { path in
                let directory = try Directory.open(path)
                // As a process that was killed after two parts leaves it.
                let id = try lake.target.createUpload("c", S3NewObject(), sendsChecksums: false)
                let source = S3Client.CopySource(lake.source.bucket, "big", etag: etag)
                for (number, range) in [(1, 0..<Int64(5 << 20)), (2, Int64(5 << 20)..<Int64(10 << 20))] {
                    _ = try lake.target.uploadPartCopy("c", upload: id, number: number, from: source, range: range)
                        .get()
                }
                try LargeCopies("u", in: directory).add(
                    .init(
                        key: "c", source: lake.source.name("big"), etag: etag, upload: id, partSize: 5 << 20))
                let uploads = try LargeCopies("u", in: directory)
                guard case .copied = try lake.copier(options).copy(item, to: "c", uploads: uploads) else {
                    Issue.record("not copied")
                    return
                }
                #expect(try lake.content(lake.target, "c") == bytes)
                #expect(try lake.target.tags("c") == ["team": "x"])
                // Another one is begun anew, and known again by its mark.
                guard case .copied = try lake.copier(options).copy(item, to: "d", uploads: uploads) else {
                    Issue.record("not copied")
                    return
                }
                #expect(try lake.target.head("d")?.metadata["owner"] == "me")
                guard case .adopted = try lake.copier(options).copy(item, to: "d", uploads: uploads) else {
                    Issue.record("not adopted")
                    return
                }
                var open: [String] = []
                try lake.target.uploads(prefix: "") { open.append($0.id) }
                #expect(open == [])
                try uploads.end()
                #expect(try directory.names() == [])
            }
        }
    }
}
