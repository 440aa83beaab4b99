import Ledger
import Platform
import Settings
import TestSupport
import Testing

@testable import Staging

struct ServiceUnitsTests {
    /// What `systemctl show` prints of the units of job siem.
    private func shown(writable: String, enabled: Bool, loaded: Bool = true) -> String {
        Stage.allCases.map { stage in
            """
            Id=coldchain-\(stage.rawValue)@siem.service
            LoadState=\(loaded ? "loaded" : "not-found")
            ProtectSystem=strict
            ReadWritePaths=\(writable)
            StateDirectory=coldchain

            Id=coldchain-\(stage.rawValue)@siem.timer
            LoadState=loaded
            UnitFileState=\(enabled ? "enabled" : "disabled")

            """
        }.joined(separator: "\n") + "\nId=coldchain-watch.timer\nUnitFileState=enabled\n"
    }

    private func items(_ text: String) throws -> [CheckReport.Item] {
        let bench = try Bench()
        return ServiceUnits(text).items(try bench.configuration.job("siem"), bench.configuration)
    }

    @Test func `units that may write all that they need are in order, and timers that are off are told`() throws {
        let items = try items(shown(writable: "-/tmp -/dev/shm -/var/tmp -/", enabled: false))
        #expect(items.count == 4 && items.allSatisfy(\.isGood), "\(items)")
        let off = "coldchain-collect@siem.timer coldchain-pack@siem.timer coldchain-ship@siem.timer"
        #expect(items[3].why == "not enabled; 'systemctl enable --now \(off)' does it")
        #expect(try self.items(shown(writable: "-/", enabled: true))[3].why == nil)
    }

    @Test func `a directory that a unit may not write is a fault with the drop-in that mends it`() throws {
        let items = try items(shown(writable: "-/srv", enabled: true))
        #expect(items.map(\.isGood) == [false, false, false, true], "\(items)")
        #expect(items[0].why?.contains("/staging") == true && items[0].why?.contains("/vault") == false)
        #expect(items[2].why?.contains("/vault") == true)
        #expect(
            items[2].why?.contains("Let 'systemctl edit coldchain-ship@.service' add [Service] ReadWritePaths=") == true
        )
    }

    @Test func `units that are not installed are told, and are no fault`() throws {
        let items = try items(shown(writable: "", enabled: true, loaded: false))
        #expect(items.count == 1 && items[0].isGood && items[0].why?.contains("is not installed") == true)
    }
}
