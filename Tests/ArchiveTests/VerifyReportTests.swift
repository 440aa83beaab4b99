import Codec
import Platform
import TestSupport
import Testing

@testable import Archive

/// What verifying says of an archive, beyond that it is good or not.
@Suite(.timeLimit(.minutes(10)))
struct VerifyReportTests {
    private struct Made: Sendable {
        var archive: [UInt8]
        var index: [UInt8]
        var members: [ArchiveIndex.Member]

        func examine(_ bytes: [UInt8]? = nil, workers: Int = 2) throws -> VerifyReport {
            try ArchiveVerifier(BytesSource(bytes ?? archive, name: "acme"), workers: workers)
                .examine(index: BytesSource(index, name: "index"))
        }

        func sample(_ bytes: [UInt8]? = nil, seed: UInt64 = 1) throws -> VerifyReport {
            try ArchiveVerifier(BytesSource(bytes ?? archive, name: "acme"))
                .sample(index: BytesSource(index, name: "index"), seed: seed)
        }

        /// With the bytes in the middle of some members changed.
        func damaged(_ numbers: [Int]) -> [UInt8] {
            var bytes = archive
            for number in numbers { bytes[Int(members[number].offset + members[number].length / 2)] ^= 0x55 }
            return bytes
        }
    }

    private func made(_ host: StagedHost, _ compression: Compression = Compression()) async throws -> Made {
        let packed = try await pack([host], compression: compression)
        let index = try #require(packed.written["acme"]?.index)
        return Made(
            archive: try packed.bytes("acme" + compression.codec.suffix), index: try packed.bytes("acme.index.tsv.gz"),
            members: index.members)
    }

    /// Members: 0 small files, 1 and 2 noise, 3 to 6 one large file, 7 the rest.
    private static let noise: StagedHost = {
        var random = SplitMix64(seed: 60)
        var host = StagedHost()
        for number in 0..<20 { host.file(ByteString("a/\(number)"), random.text(5_000)) }
        host.file("b", random.bytes(4_150_000))
        host.file("c", random.bytes(4_150_000))
        host.file("d", random.text(13 << 20))
        host.file("e", random.text(100))
        return host
    }()

    @Test(
        arguments: [
            (Compression(level: 6), .isal), (Compression(level: 1), .libdeflate), (Compression(level: 9), .isal),
            (Compression(.xz), .liblzma), (Compression(MemberCodec.none), .none),
        ] as [(Compression, MemberLibrary)])
    func `members are proved by a library that did not make them`(compression: Compression, library: MemberLibrary)
        async throws
    {
        let made = try await made(Self.noise, compression)
        try await onOwnThread {
            for workers in [1, 3] {
                let report = try made.examine(workers: workers)
                #expect(report.findings == [] && report.provedBy == library && report.proof == .index)
                #expect(
                    report.members == Int64(made.members.count)
                        && report.parts == Int64(made.archive.count - 1) >> 24 + 1)
                #expect(report.format == .init(compression.codec))
            }
            let sample = try made.sample()
            #expect(sample.findings == [] && sample.provedBy == library)
            // One member is cut off at its end, or has another byte: whatever the codec, it is found.
            let middle = Int(made.members[2].offset + made.members[2].length / 2)
            var bytes = made.archive
            bytes[middle] ^= 1
            let report = try made.examine(bytes)
            #expect(!report.findings.isEmpty, "\(compression)")
            if compression.codec != .none { #expect(report.findings.first?.member == 2) }
        }
    }

    @Test func `every damaged member is told, with its bytes and entries`() async throws {
        let made = try await made(Self.noise)
        #expect(made.members.count >= 8)
        let report = try await onOwnThread { try made.examine(made.damaged([1, 4, 5])) }
        let told = report.findings.filter { $0.member != nil }
        #expect(told.map(\.member) == [1, 4, 5])
        #expect(told.map(\.offset) == [1, 4, 5].map { made.members[$0].offset })
        #expect(told.map(\.length) == [1, 4, 5].map { made.members[$0].length })
        #expect(told.map(\.entry) == ["b", "d", "d"] && told.map(\.entries) == [1, 1, 1], "\(told)")
        // The part and the whole are told besides: they have another digest.
        #expect(report.findings.count == 4 && report.findings[3].message.contains("part 1 (bytes 0-"))
        let failure = try await fault {
            try ArchiveVerifier(BytesSource(made.damaged([0]), name: "acme")).verify(
                index: BytesSource(made.index, name: "index"))
        }
        let words = "acme: member 0 (bytes 0-\(made.members[0].length)): "
        #expect(failure?.message.hasPrefix(words) == true, "\(String(describing: failure))")
        #expect(failure?.message.contains("; there lies 'a/0' and 19 more entries (and 1 more findings)") == true)
    }

    @Test func `an archive that is cut off says which entries it has lost, and one with more where that begins`()
        async throws
    {
        let made = try await made(Self.noise)
        let cut = Array(made.archive[..<(Int(made.members[2].offset) + 5)])
        let longer = made.archive + [1, 2, 3]
        try await onOwnThread {
            for report in [try made.examine(cut), try made.sample(cut)] {
                #expect(report.findings.count == 1)
                #expect(report.findings.first?.entry == "c" && report.findings.first?.entries == 4)
                #expect(report.findings.first?.offset == Int64(cut.count))
            }
            for report in [try made.examine(longer), try made.sample(longer)] {
                #expect(report.findings.first?.offset == Int64(made.archive.count))
                #expect(report.findings.first?.length == 3)
            }
        }
    }

    @Test func `a sample proves some members, all headers and trailers, and says so`() async throws {
        // Larger than it ever is with members of 4 MiB each: what is drawn is what counts.
        for seed in 0..<50 as Range<UInt64> {
            let chosen = ArchiveVerifier.sample(of: 1_000, seed: seed)
            #expect(chosen.count == 15 && chosen == Array(Set(chosen)).sorted() && chosen.last == 999)
            #expect(chosen == ArchiveVerifier.sample(of: 1_000, seed: seed))
        }
        #expect(ArchiveVerifier.sample(of: 1_000, seed: 1) != ArchiveVerifier.sample(of: 1_000, seed: 2))
        #expect(ArchiveVerifier.sample(of: 5, seed: 1) == [0, 1, 2, 3, 4])
        #expect(ArchiveVerifier.sample(of: 1_000_000, seed: 1).count == 64)

        var host = StagedHost()
        for number in 0..<30 {
            host.file(ByteString("f\(number + 10)"), Array(repeating: UInt8(number), count: 4 << 20))
        }
        let made = try await made(host)
        let count = made.members.count
        try await onOwnThread {
            let good = try made.sample(seed: 7)
            #expect(good.findings == [] && good.sample?.members == 8 && good.members == Int64(count))
            let chosen = ArchiveVerifier.sample(of: count, seed: 7)
            var (found, passed) = (0, 0)
            for number in 0..<count {
                let inside = try made.sample(made.damaged([number]), seed: 7)
                if chosen.contains(number) {
                    #expect(inside.findings.map(\.member) == [number])
                    found += 1
                } else if inside.findings.isEmpty {
                    passed += 1
                }
                // The header and the trailer of any member are looked at.
                for at in [0, 3, 5, made.members[number].length - 1] {
                    var bytes = made.archive
                    bytes[Int(made.members[number].offset + at)] ^= 0x40
                    let report = try made.sample(bytes, seed: 7)
                    #expect(report.findings.first?.member == number, "member \(number), byte \(at)")
                }
            }
            #expect(found == 8 && passed > 0)
        }
    }

    @Test func `an archive of no files is good`() async throws {
        var host = StagedHost()
        host.directory("empty/")
        let made = try await made(host)
        let (report, sample) = try await onOwnThread { (try made.examine(), try made.sample()) }
        #expect(report.findings == [] && report.entries == 2 && report.contentBytes == 0)
        #expect(sample.findings == [])
    }
}
