import AWS
import Testing
import Vault

/// The rules by which a bucket deletes.
struct LifecycleRulesTests {
    private let rules = LifecycleRules(prefix: "logs/", grace: 30)

    private func configuration(_ rules: [String]) throws -> XMLElement {
        let text =
            "<LifecycleConfiguration>" + rules.map { "<Rule>\($0)</Rule>" }.joined() + "</LifecycleConfiguration>"
        return try XMLReader.read(Array(text.utf8))
    }

    private func isRefused(_ rule: String) throws -> Bool {
        try !rules.dangerous(in: configuration(["<ID>x</ID><Status>Enabled</Status>" + rule])).isEmpty
    }

    private static let days = "<Expiration><Days>90</Days></Expiration>"

    @Test(
        arguments: [
            days, "<Filter/>" + days, "<Filter><Prefix></Prefix></Filter>" + days, "<Prefix>logs/siem</Prefix>" + days,
            "<Filter><Prefix>lo</Prefix></Filter>" + days,
            "<Filter><Tag><Key>coldchain-job</Key><Value>siem</Value></Tag></Filter>" + days,
            "<Filter><Tag><Key>coldchain-retired</Key><Value>no</Value></Tag></Filter>" + days,
            "<Filter><And><Prefix>logs/</Prefix><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan></And></Filter>" + days,
            "<Filter/><Expiration><Date>2030-01-01T00:00:00Z</Date></Expiration>",
            "<Filter/><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>",
        ])
    func `a rule that would delete what is not retired is refused`(_ rule: String) throws {
        #expect(try isRefused(rule))
    }

    @Test(
        arguments: [
            "<Filter><Prefix>web/</Prefix></Filter>" + days,
            "<Filter><Tag><Key>tmp</Key><Value>1</Value></Tag></Filter>" + days,
            "<Filter><And><Prefix/><Tag><Key>coldchain-retired</Key><Value>true</Value></Tag></And></Filter>" + days,
            "<Filter/><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
            "<Filter/><Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>",
            "<Filter/><AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>",
        ])
    func `a rule that can't is let alone`(_ rule: String) throws { #expect(try !isRefused(rule)) }

    @Test func `a rule that is disabled is let alone`() throws {
        let live = try configuration(["<ID>x</ID><Status>Disabled</Status><Filter/>" + Self.days])
        #expect(rules.dangerous(in: live).isEmpty)
    }

    @Test func `rules of others stay, ours are replaced, and the retired tag stands in both`() throws {
        let other = "<ID>theirs</ID><Status>Enabled</Status><Filter><Prefix>web/</Prefix></Filter>" + Self.days
        let ours = "<ID>coldchain-retired:logs/</ID><Status>Enabled</Status><Filter><Prefix>logs/</Prefix></Filter>"
        let live = try configuration([other, ours + Self.days])
        #expect(!rules.isIn(live))
        let merged = rules.merged(with: live)
        #expect(
            merged.all("Rule").map { $0.text("ID") } == ["theirs", "coldchain-abort:logs/", "coldchain-retired:logs/"])
        #expect(merged.all("Rule").first == live.all("Rule").first)
        let retired = try #require(merged.all("Rule").last)
        let filter = try #require(retired["Filter"]?["And"])
        #expect(filter.text("Prefix") == "logs/")
        #expect(filter["Tag"]?.text("Key") == "coldchain-retired")
        #expect(filter["Tag"]?.text("Value") == "true")
        #expect(retired["NoncurrentVersionExpiration"]?.text("NoncurrentDays") == "30")
        // As Ceph gives it back.
        let text = String(decoding: merged.document(), as: UTF8.self).replacing("<And>", with: "").replacing(
            "</And>", with: "")
        let flat = try XMLReader.read(Array(text.utf8))
        #expect(rules.isIn(flat))
        #expect(rules.merged(with: flat).all("Rule").last == retired)
        // Ours are never refused, and a second look finds nothing to do.
        let again = try XMLReader.read(merged.document())
        #expect(rules.isIn(again))
        #expect(rules.dangerous(in: again).isEmpty)
        #expect(LifecycleRules(prefix: "web/", grace: 30).dangerous(in: again).map { $0.text("ID") } == ["theirs"])
    }
}
