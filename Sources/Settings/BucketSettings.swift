package import Ledger

/// What a vault `s3://BUCKET/PREFIX` is told besides its address.
package struct BucketSettings: Hashable, Sendable {
    /// How a bucket is named in an address.
    package enum Addressing: String, CaseIterable, Sendable { case auto, path, virtual }

    /// Which checksums the store is asked to keep.
    package enum Checksums: String, CaseIterable, Sendable {
        /// SHA-256 with every object and part.
        case sha256
        /// None but where S3 insists on one; for servers that refuse them.
        case whenRequired = "when_required"
    }

    package enum LockMode: String, CaseIterable, Sendable {
        case governance = "GOVERNANCE"
        case compliance = "COMPLIANCE"
    }

    /// Object Lock of every new object.
    package struct Lock: Hashable, Sendable {
        package var mode: LockMode
        package var days: Int

        package init(mode: LockMode, days: Int) {
            self.mode = mode
            self.days = days
        }
    }

    /// How archives are made readable, and from when on that must be confirmed.
    package struct Thaw: Hashable, Sendable {
        package var tier = ThawTier.bulk
        /// How long the copies stay.
        package var days = 7
        /// A request for more bytes is confirmed first.
        package var askBytes = ByteCount(bytes: 1 << 40)
        /// A request that costs more US dollars is confirmed first.
        package var askPrice = 100

        package init() {}
    }

    package var bucket: String
    /// Without slashes at its ends; empty for the whole bucket.
    package var prefix: String
    package var region: String?
    package var endpoint: String?
    package var profile: String?
    package var roleARN: String?
    package var certificates: String?
    package var addressing = Addressing.auto
    package var bind: String?
    package var storageClass = "DEEP_ARCHIVE"
    package var sidecarClass = "STANDARD"
    package var checksums = Checksums.sha256
    package var encryption: String?
    package var kmsKey: String?
    package var lock: Lock?
    package var uploads = 8
    package var bandwidth: ByteRate?
    package var window: TimeWindow?
    package var thaw = Thaw()

    package init(bucket: String, prefix: String) {
        self.bucket = bucket
        self.prefix = prefix
    }

    /// Reads the keys of a table whose address is known to be one of a bucket; gives nothing for a bucket that can't be.
    static func read(bucket: String, prefix: String, _ table: TomlTable) -> BucketSettings? {
        var settings = BucketSettings(bucket: bucket, prefix: prefix)
        settings.readConnection(table)
        settings.storageClass = storageClass("storage_class", in: table) ?? settings.storageClass
        settings.sidecarClass = storageClass("sidecar_class", in: table) ?? settings.sidecarClass
        settings.checksums = choice("checksums", in: table) ?? .sha256
        settings.encryption = table.value("sse", #""AES256", "aws:kms" or "aws:kms:dsse""#) {
            if case .string(let text) = $0, ["AES256", "aws:kms", "aws:kms:dsse"].contains(text) { text } else { nil }
        }
        settings.kmsKey = table.string("kms_key")
        if table.has("kms_key"), settings.encryption == nil || settings.encryption == "AES256" {
            table.problem("kms_key", "needs sse = \"aws:kms\"")
        }
        settings.lock = table.table("object_lock").flatMap { lock($0) }
        settings.uploads = table.integer("uploads", in: 1...256) ?? settings.uploads
        settings.bandwidth = table.rate("bandwidth")
        settings.window = table.window("window")
        if let inner = table.table("thaw") { settings.thaw = thaw(inner) }
        table.refuseUnknownKeys()
        return settings
    }

    /// Reads how the bucket is reached.
    mutating func readConnection(_ table: TomlTable) {
        region = table.string("region")
        endpoint = table.value("endpoint", #"a URL such as "https://s3.dc.example:8443""#) {
            if case .string(let text) = $0, Self.isEndpoint(text) { text } else { nil }
        }
        profile = table.string("profile")
        roleARN = table.string("role_arn")
        certificates = table.absolutePath("ca_file")
        addressing = Self.choice("addressing", in: table) ?? .auto
        bind = table.string("bind")
    }

    private static func lock(_ table: TomlTable) -> Lock? {
        let mode: LockMode? = choice("mode", in: table)
        let days = table.integer("days", in: 1...36_500)
        if !table.has("mode") { table.missing("mode") }
        if !table.has("days") { table.missing("days") }
        table.refuseUnknownKeys()
        guard let mode, let days else { return nil }
        return Lock(mode: mode, days: days)
    }

    private static func thaw(_ table: TomlTable) -> Thaw {
        var thaw = Thaw()
        thaw.tier = choice("tier", in: table) ?? thaw.tier
        thaw.days = table.integer("days", in: 1...365) ?? thaw.days
        thaw.askBytes = table.byteCount("ask_bytes") ?? thaw.askBytes
        thaw.askPrice = table.integer("ask_price", in: 0...1_000_000) ?? thaw.askPrice
        table.refuseUnknownKeys()
        return thaw
    }

    private static func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, in table: TomlTable) -> Choice?
    where Choice.RawValue == String {
        let known = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
        return table.value(key, "one of \(known)") {
            if case .string(let text) = $0 { Choice(rawValue: text) } else { nil }
        }
    }

    /// The rest is looked at where it is used.
    private static func isEndpoint(_ text: String) -> Bool {
        ["http://", "https://"].contains { text.lowercased().hasPrefix($0) && text.count > $0.count }
    }

    /// Servers have classes of their own, so only the form is checked; empty for the bucket's default.
    static func storageClass(_ key: String, in table: TomlTable) -> String? {
        table.value(key, #"a storage class such as "DEEP_ARCHIVE""#) {
            if case .string(let text) = $0, isStorageClass(text) { text } else { nil }
        }
    }

    static func isStorageClass(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
    }
}
