import Settings
import Testing

struct CompressionLevelTests {
    @Test(
        "A level has a name or a number of libdeflate",
        arguments: [("fast", 1), ("balanced", 6), ("small", 9), ("6", nil), ("Fast", nil)] as [(String, Int?)])
    func names(_ name: String, _ value: Int?) {
        #expect(CompressionLevel(name: name)?.value == value)
    }

    @Test("Numbers go from 1 to 12", arguments: [(0, nil), (1, 1), (12, 12), (13, nil), (-1, nil)] as [(Int, Int?)])
    func numbers(_ number: Int, _ value: Int?) {
        #expect(CompressionLevel(number)?.value == value)
    }

    @Test("A level is told by its name where it has one")
    func telling() {
        #expect([1, 6, 9, 12].compactMap { CompressionLevel($0)?.description } == ["fast", "balanced", "small", "12"])
    }
}
