import Codec
import Settings
import Testing

struct CompressionLevelTests {
    @Test(
        "Each codec has a level of its own for a word",
        arguments: [
            (MemberCodec.gzip, [1, 6, 9]), (.xz, [1, 1, 6]), (.none, [0, 0, 0]),
        ])
    func words(_ codec: MemberCodec, _ levels: [Int]) {
        #expect(NamedLevel.allCases.map { CompressionLevel.named($0).value(for: codec) } == levels)
        #expect(CompressionLevel.number(5).value(for: codec) == 5)
    }
}
