import Testing
import Vault

struct VaultLayoutTests {
    @Test(
        arguments: [
            ("siem/acme/web1.tar.gz", ["acme/web1"]), ("siem/acme/web1.g2.tar.gz", ["acme/web1.g2", "acme/web1"]),
            ("siem/acme/web1.g1.tar.gz", ["acme/web1.g1"]), ("siem/acme/web1.gz.tar.gz", ["acme/web1.gz"]),
            ("siem/a.g7/web1.tar.gz", ["a.g7/web1"]), ("other/acme/web1.tar.gz", []), ("siem/acme/web1.sha256", []),
        ] as [(String, [String])])
    func `a key tells which archives can lie under it`(key: String, bases: [String]) throws {
        let layout = VaultLayout(job: "siem")
        #expect(layout.bases(ofArchive: try ObjectKey(key), suffix: ".tar.gz") == bases)
    }

    @Test(arguments: [1, 2, 99]) func `a key leads back to its archive`(generation: Int) throws {
        let layout = VaultLayout(job: "siem")
        let key = try layout.archive("acme/2026/11/20/web1", generation: generation, suffix: ".tar.gz")
        #expect(layout.bases(ofArchive: key, suffix: ".tar.gz").last == "acme/2026/11/20/web1")
    }
}
