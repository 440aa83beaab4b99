import Archive
import Codec
import Ledger
import Platform
import TestSupport
import Testing

struct ArchiveVolumesTests {
    /// Plans one host, and gives the archives and their volumes.
    private func plan(
        _ host: StagedHost, limit: Int64, _ place: @escaping Placing
    ) async throws -> [String: (archive: ArchivePlan.Archive, volumes: [Int64])] {
        try await onOwnThread {
            let top = try TemporaryDirectory()
            defer { withExtendedLifetime(top) {} }
            let directory = try Directory.open(top.path)
            let name = host.name
            let source = ArchivePlan.Source(host: name, list: try host.list(in: directory)) {
                (key: ByteString) throws(Fault) in (place(name, key).archive, "acme")
            }
            let plan = try ArchivePlan([source], compression: { _ in Compression() }, scratch: directory)
            var planned: [String: (archive: ArchivePlan.Archive, volumes: [Int64])] = [:]
            for archive in plan.archives {
                let volumes = try plan.volumes(of: archive, limit: limit) {
                    (host: String, key: ByteString) throws(Fault) in place(host, key)
                }
                planned[archive.name] = (archive, volumes.map(\.entries))
            }
            return planned
        }
    }

    /// By one of the path's components.
    private func byComponent(_ number: Int) -> Placing {
        { (_: String, key: ByteString) in (key.components[number].description, key) }
    }

    @Test(arguments: [0, 1]) func `a link whose first name lies in another archive counts as the file that it becomes`(
        component: Int
    ) async throws {
        // The other archive's name comes before all of this one in the order of the keys, or between them.
        var host = StagedHost()
        let first: ByteString = component == 0 ? "acme/file" : "a/globex/file"
        if component == 1 { host.file("a/acme/small", [1]) }
        host.file(first, Array(repeating: 7, count: 300_000))
        for number in 0..<6 {
            host.hardLink(ByteString(component == 0 ? "globex/\(number)" : "b/acme/\(number)"), to: first)
        }
        let planned = try await plan(host, limit: 1 << 20, byComponent(component))
        let links = try #require(planned[component == 0 ? "globex" : "acme"])
        let small: Int64 = component == 0 ? 0 : 1
        #expect(links.archive.bytes == 6 * 300_000 + small)
        #expect(links.archive.tarSize == 6 * (1_024 + 300_032) + small * 1_536)
        #expect(links.volumes == [3 + small, 3])
    }

    @Test func `a link beside its first name takes a header alone`() async throws {
        var host = StagedHost()
        host.file("acme/file", Array(repeating: 7, count: 300_000))
        for number in 0..<6 { host.hardLink(ByteString("acme/link \(number)"), to: "acme/file") }
        let planned = try await plan(host, limit: 1 << 20, byComponent(0))
        let archive = try #require(planned["acme"])
        #expect(archive.archive.bytes == 300_000 && archive.archive.tarSize == 7 * 1_024 + 300_032)
        #expect(archive.volumes == [7])
    }
}
