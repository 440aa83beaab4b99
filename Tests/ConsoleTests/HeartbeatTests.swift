import Testing

@testable import Console

struct HeartbeatTests {
    @Test(
        arguments: [
            (["WATCHDOG_USEC": "600000000"], 150.0), (["WATCHDOG_USEC": "600000000", "WATCHDOG_PID": "42"], 150.0),
            (["WATCHDOG_USEC": "600000000", "WATCHDOG_PID": "43"], nil), ([:], nil), (["WATCHDOG_USEC": "0"], nil),
            (["WATCHDOG_USEC": "x"], nil),
        ] as [([String: String], Double?)])
    func `a sign of life is due four times in the time that the service manager waits`(
        environment: [String: String], interval: Double?
    ) {
        #expect(Heartbeat.interval({ environment[$0] }, pid: 42) == interval)
    }
}
