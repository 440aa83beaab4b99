import Platform
import Settings
import TestSupport
import Testing

/// Object Lock against what runs carry.
struct JobSettingsLockTests {
    private static func vault(_ days: Int?) -> VaultSettings {
        var bucket = BucketSettings(bucket: "acme", prefix: "")
        bucket.lock = days.map { .init(mode: .governance, days: $0) }
        return VaultSettings(name: "cold", url: "s3://acme", kind: .bucket(bucket))
    }

    private static let undated = "kind = \"hosts\"\nhosts = [\"a\"]\npath = \"file:///mnt\"\n"

    @Test(
        "A lock that lasts as long as what is carried is needed will do",
        arguments: [
            (395, "full_every = \"30 days\"\n[retention]\nkeep_for = \"365 days\""), (30, "full_every = \"30 days\""),
            (nil, ""), (nil, "full_every = \"30 days\""),
        ] as [(Int?, String)])
    func enough(_ days: Int?, _ lines: String) throws {
        #expect(try Samples.read(Self.undated + lines, vaults: [Self.vault(days)]).vaults.count == 1)
    }

    @Test("A lock that ends before is refused")
    func short() throws {
        let both = try Samples.fault {
            try Samples.read(
                Self.undated + "full_every = \"30 days\"\n[retention]\nkeep_for = \"365 days\"",
                vaults: [Samples.disk, Self.vault(394)].filter { $0.name == "cold" })
        }
        #expect(
            both.message.contains(
                "4:14: 'full_every': 30 days and 'keep_for' of 365 days need an object_lock of 395 days, vault 'cold' has 394"
            ), "\(both.message)")
        let alone = try Samples.fault {
            try Samples.read(Self.undated + "full_every = \"30 days\"", vaults: [Self.vault(29)])
        }
        #expect(
            alone.message.contains("'full_every': 30 days need an object_lock of 30 days, vault 'cold' has 29"),
            "\(alone.message)")
    }

    @Test("Under a lock something must end what is carried")
    func missing() throws {
        let fault = try Samples.fault { try Samples.read(Self.undated, vaults: [Self.vault(400)]) }
        #expect(fault.message.contains("missing key 'full_every'"), "\(fault.message)")
    }

    @Test("A dated tree is stored whole, whatever the lock")
    func dated() throws {
        let job = try Samples.read(
            Samples.job + "[retention]\nkeep_for = \"365 days\"", vaults: [Self.vault(1)])
        #expect(job.isDated)
    }
}
