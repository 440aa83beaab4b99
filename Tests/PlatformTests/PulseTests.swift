import Platform
import Testing

struct PulseTests {
    @Test func `what has moved is told once`() {
        let pulse = Pulse()
        // What has just begun lives.
        #expect(pulse.take())
        #expect(!pulse.take())
        pulse.beat()
        pulse.beat()
        #expect(pulse.take())
        #expect(!pulse.take())
    }
}
