import Settings
import Testing

struct NearestNameTests {
    @Test(
        "The nearest of the known names is suggested",
        arguments: [
            ("retenion", "retention"), ("stauts", "status"), ("valut", "vault"), ("hots", "hosts"),
            ("HOSTS", nil), ("zzz", nil), ("", nil),
        ] as [(String, String?)])
    func suggesting(_ name: String, _ nearest: String?) {
        #expect(NearestName.of(name, among: ["vault", "status", "retention", "hosts"]) == nearest)
    }

    @Test(
        "A distance counts inserted, dropped, replaced and swapped letters",
        arguments: [("", "", 0), ("a", "", 1), ("abc", "abc", 0), ("abc", "acb", 1), ("kitten", "sitting", 3)])
    func counting(_ left: String, _ right: String, _ distance: Int) {
        #expect(NearestName.distance(left, right) == distance)
        #expect(NearestName.distance(right, left) == distance)
    }
}
