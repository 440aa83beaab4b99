import Ledger
import Testing

struct PartTableTests {
    private static let mebibyte: Int64 = 1 << 20
    private static let gibibyte: Int64 = 1 << 30
    private static let tebibyte: Int64 = 1 << 40

    @Test(
        arguments: [
            (Int64(0), 16), (1, 16), (16 * mebibyte, 16), (9_000 * 16 * mebibyte, 16), (9_000 * 16 * mebibyte + 1, 17),
            (9_000 * 17 * mebibyte, 17), (9_000 * 17 * mebibyte + 1, 18), (tebibyte, 117), (5 * tebibyte, 583),
            (48 * tebibyte, 5_120), (.max, 5_120),
        ] as [(Int64, Int64)])
    func `the part size is 16 MiB or a 9000th in whole MiB`(planned: Int64, mebibytes: Int64) {
        #expect(PartTable.partSize(forTar: planned) == mebibytes * Self.mebibyte)
    }

    @Test func `there are never more than 10 000 parts of at most 5 GiB`() {
        var sizes: [Int64] = []
        for shift in 0..<46 { sizes += [1 << shift, (1 << shift) - 1, (1 << shift) + 1, 3 << (shift - 1)] }
        sizes += [48 * Self.tebibyte, 48 * Self.tebibyte - 1, 47 * Self.tebibyte + 12_345]
        for planned in sizes where planned >= 0 {
            let part = PartTable.partSize(forTar: planned)
            // A compressed archive can be a little larger than its tar: stored members cost 5 bytes in 64 KiB.
            let largest = planned + planned / 10_000 + 1_024
            #expect((largest + part - 1) / part <= 10_000, "\(planned)")
            #expect(part >= 5 * Self.mebibyte && part <= 5 * Self.gibibyte && part % Self.mebibyte == 0, "\(planned)")
        }
    }
}
