import Platform
import Testing
import Warehouse

struct BatchPlacesTests {
    private let places = BatchPlaces(job: "lake")
    private static let run = CivilDate(dayNumber: 20_000)

    @Test func `lists and reports tell their run and database`() {
        let digest = String(repeating: "0123456789abcdef", count: 4)
        let list = places.list("a.data.b%2F", .logs, run: Self.run, digest: digest)
        #expect(list == "lake/_batch/2024-10-04/a.data.b%2F.logs.0123456789abcdef.csv")
        for key in [list, places.report("a.data.b%2F", .data, run: Self.run) + "/job-1/results/0.csv"] {
            let owner = places.owner(of: key)
            #expect(owner?.run == Self.run && owner?.unit == "a.data.b%2F", "\(key)")
        }
        let snapshot = places.owner(of: places.snapshotReport(run: Self.run) + "/job-1/manifest.json")
        #expect(snapshot?.run == Self.run && snapshot?.unit == "")
    }

    @Test(arguments: [
        "lake/data/db/x", "lakes/_batch/2024-10-04/db.data/x", "lake/_batch/2024-10-04", "lake/_batch/x/db.data/y",
        "lake/_batch/2024-10-04/db.data.csv", "lake/_batch/2024-10-04/db.more.0123456789abcdef.csv",
        "lake/_batch/2024-10-04/.data.0123456789abcdef.csv", "lake/_batch/2024-10-04/notes/x",
        "lake/_batch/2024-10-04/_snapshot",
    ])
    func `what others put there is nobody's`(key: String) { #expect(places.owner(of: key) == nil) }
}
