import Platform
import TestSupport
import Testing

@testable import Warehouse

struct SortLaneTests {
    @Test("Runs are merged into longer ones, so that few are left, and nothing is lost", arguments: [2, 3, 32])
    func levels(mostRuns: Int) throws {
        try withTemporaryDirectory { path in
            let lane = SortLane(scratch: try Directory.open(path), memory: 2_000, mostRuns: mostRuns)
            var random = SplitMix64(seed: 7)
            let count = 6_000
            for number in 0..<count {
                // Some keys come again, modified later or earlier.
                let key = Array("k\(Int(random.next() % UInt64(count)))".utf8)
                try key.withUnsafeBytes { key in
                    let none = UnsafeRawBufferPointer(start: nil, count: 0)
                    try lane.append(
                        ListedObject(
                            key: key, size: Int64(number), modified: Timestamp(seconds: Int64(number * 7_919 % count)),
                            etag: none, version: none, storageClass: none, isArchived: false))
                }
            }
            var newest: [ByteString: Int64] = [:]
            random = SplitMix64(seed: 7)
            for number in 0..<count {
                let key = ByteString("k\(Int(random.next() % UInt64(count)))")
                newest[key] = max(newest[key] ?? -1, Int64(number * 7_919 % count))
            }
            let cursors = try lane.finish()
            if mostRuns < 32 { #expect(cursors.count < 30, "\(cursors.count) of about 120 runs") }
            let merge = try ObjectMerge(cursors)
            var found: [ByteString] = []
            while let record = try merge.next() {
                let key = ByteString(record.key)
                #expect(record.modified.seconds == newest[key], "\(key)")
                found.append(key)
            }
            #expect(found == newest.keys.sorted())
        }
    }
}
