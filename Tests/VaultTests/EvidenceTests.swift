import Testing
import Vault

struct EvidenceTests {
    @Test func `evidence goes from weak to strong`() {
        #expect(Evidence.allCases.sorted() == [.head, .reread, .checksum])
        #expect(Evidence.head < .reread && Evidence.reread < .checksum)
        #expect(Evidence(rawValue: "reread") == .reread)
    }
}
