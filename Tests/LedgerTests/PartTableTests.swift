import Ledger
import Platform
import Testing

struct PartTableTests {
    private static let mebibyte: Int64 = 1 << 20
    private static let gibibyte: Int64 = 1 << 30
    private static let tebibyte: Int64 = 1 << 40

    @Test(
        arguments: [
            (Int64(0), 16), (1, 16), (16 * mebibyte, 16), (9_000 * 16 * mebibyte, 16), (9_000 * 16 * mebibyte + 1, 17),
            (9_000 * 17 * mebibyte, 17), (9_000 * 17 * mebibyte + 1, 18), (tebibyte, 117), (5 * tebibyte, 583),
            (45_000 * gibibyte, 5_120),
        ] as [(Int64, Int64)])
    func `the part size is 16 MiB or a 9000th in whole MiB`(planned: Int64, mebibytes: Int64) throws {
        #expect(try PartTable.partSize(forTar: planned) == mebibytes * Self.mebibyte)
    }

    @Test(arguments: [45_000 * gibibyte + 1, 48 * tebibyte, .max])
    func `a tar that parts of 5 GiB can't hold is refused`(planned: Int64) {
        let failure = #expect(throws: Fault.self) { try PartTable.partSize(forTar: planned) }
        #expect(failure?.code == .limit)
        #expect(failure?.message == "about \(planned >> 30) GiB of tar, more than 9000 upload parts of 5 GiB hold")
        #expect(failure?.hint?.contains("'archive'") == true)
    }

    @Test func `there are never more than 10 000 parts of at most 5 GiB`() throws {
        var sizes: [Int64] = []
        for shift in 0..<45 { sizes += [1 << shift, (1 << shift) - 1, (1 << shift) + 1, 3 << (shift - 1)] }
        sizes += [45_000 * Self.gibibyte, 45_000 * Self.gibibyte - 1, 43 * Self.tebibyte + 12_345]
        for planned in sizes where planned >= 0 {
            let part = try PartTable.partSize(forTar: planned)
            // A compressed archive can be a little larger than its tar: stored members cost 5 bytes in 64 KiB.
            let largest = planned + planned / 10_000 + 1_024
            #expect((largest + part - 1) / part <= PartTable.maximumParts, "\(planned)")
            #expect(part >= 5 * Self.mebibyte && part <= 5 * Self.gibibyte && part % Self.mebibyte == 0, "\(planned)")
        }
    }
}
