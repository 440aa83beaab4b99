import Platform

extension WarehouseSettings {
    /// Reads the keys that a job of this kind has besides those of every job.
    ///
    /// - Returns: nothing when a key that must be there is missing or wrong; the table's problems tell it.
    static func read(_ root: TomlTable) -> WarehouseSettings? {
        let source = readSource(root)
        let inventories = readInventories(root)
        let prefix = root.parsed("prefix", default: "{database}/") { text throws(Fault) in try DatabasePrefix(text) }
        let placeholder = BucketSettings(bucket: "", prefix: "")
        guard let prefix = prefix ?? (try? DatabasePrefix("{database}/")) else { return nil }
        var settings = WarehouseSettings(source: source ?? placeholder, inventories: inventories, prefix: prefix)
        settings.lag = readLag(root) ?? settings.lag
        settings.mode = root.choice("mode", Mode.self) ?? settings.mode
        settings.include = root.strings("include", "a list of patterns")?.map(\.text) ?? settings.include
        settings.exclude = readExclude(root)
        settings.classes = readClasses(root) ?? settings.classes
        settings.maxSkipped = root.share("max_skipped", from: 0) ?? settings.maxSkipped
        settings.logClass = BucketSettings.storageClass("log_class", in: root) ?? settings.logClass
        settings.route = readRoute(root)
        settings.batch = readBatch(root)
        settings.databasesAtOnce = root.integer("databases_at_once", in: 1...1_024) ?? settings.databasesAtOnce
        settings.copiesAtOnce = root.integer("copies_at_once", in: 1...1_024) ?? settings.copiesAtOnce
        settings.snapshot = readSnapshot(root, settings.mode) ?? settings.snapshot
        settings.partsAtOnce = root.integer("parts_at_once", in: 1...256) ?? settings.partsAtOnce
        settings.wait = root.period("wait") ?? settings.wait
        return source == nil || inventories.isEmpty ? nil : settings
    }

    private static func readSource(_ root: TomlTable) -> BucketSettings? {
        guard let table = root.table("source") else {
            if !root.has("source") { root.missing("source", hint: "Write source = { bucket = \"NAME\" }.") }
            return nil
        }
        defer { table.refuseUnknownKeys() }
        let bucket: String? = table.value("bucket", "the name of a bucket") {
            guard case .string(let text) = $0, VaultSettings.bucketAndPrefix(text)?.prefix == "", !text.contains("/")
            else { return nil }
            return text
        }
        if !table.has("bucket") { table.missing("bucket") }
        var settings = BucketSettings(bucket: bucket ?? "", prefix: "")
        settings.readConnection(table)
        return bucket == nil ? nil : settings
    }

    private static func readInventories(_ root: TomlTable) -> [InventoryPlace] {
        guard root.has("inventory") else {
            root.missing("inventory", hint: "Write inventory = [\"s3://BUCKET/PREFIX/SOURCE-BUCKET/ID\"].")
            return []
        }
        let scheme = "s3://"
        return (root.strings("inventory", "a list of addresses s3://BUCKET/PREFIX") ?? []).compactMap { text, position in
            let rest = text.hasPrefix(scheme) ? VaultSettings.bucketAndPrefix(String(text.dropFirst(scheme.count))) : nil
            if let rest, !rest.prefix.isEmpty { return InventoryPlace(bucket: rest.bucket, prefix: rest.prefix) }
            root.add(
                "'inventory': expected \"s3://BUCKET/PREFIX/SOURCE-BUCKET/ID\", found \(quoted(text))", at: position,
                hint: "It is the directory of the inventory's configuration, with one directory for each day in it.")
            return nil
        }
    }

    private static func readLag(_ root: TomlTable) -> Period? {
        guard let lag = root.days("lag") else { return nil }
        if !(1...366).contains(lag.days) {
            root.problem("lag", "expected 1 to 366 days", hint: "With 1 day the run's own day is over, which is the least.")
        }
        return lag
    }

    private static func readExclude(_ root: TomlTable) -> [String] {
        // An empty list excludes nothing, which is no mistake.
        if let element = root.element("exclude"), case .array(let list) = element.value, list.isEmpty { return [] }
        return root.strings("exclude", "a list of patterns")?.map(\.text) ?? []
    }

    private static func readClasses(_ root: TomlTable) -> Set<String>? {
        guard let classes = root.strings("classes", "a list of storage classes") else { return nil }
        for (text, position) in classes {
            guard BucketSettings.isStorageClass(text), !text.isEmpty else {
                root.add("'classes': expected a storage class such as \"STANDARD\", found \(quoted(text))", at: position)
                continue
            }
            guard ["GLACIER", "DEEP_ARCHIVE"].contains(text) else { continue }
            root.add(
                "'classes': objects of class \(quoted(text)) can't be copied without being restored first", at: position,
                hint: "Leave it out; objects of other classes are skipped and counted.")
        }
        return Set(classes.map(\.text))
    }

    private static func readSnapshot(_ root: TomlTable, _ mode: Mode) -> String? {
        guard let text = root.string("snapshot") else { return nil }
        if mode != .full {
            root.problem("snapshot", "has no meaning with mode \(quoted(mode.rawValue))", hint: "Write mode = \"full\".")
        }
        var rest = text
        let variables = ["{source}", "{yyyy}", "{mm}", "{mmm}", "{dd}"]
        for variable in variables { rest = rest.replacing(variable, with: "x") }
        if !text.contains("{yyyy}") || !text.contains("{dd}") || !(text.contains("{mm}") || text.contains("{mmm}")) {
            root.problem("snapshot", "needs the whole date, or two runs would meet in one bucket")
        }
        let isName = rest.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D || $0 == 0x2E
        }
        if !isName {
            root.problem(
                "snapshot", "\(quoted(text)) can't name a bucket",
                hint: "Variables here are \(variables.joined(separator: ", ")).")
        }
        return text
    }

    private static func readRoute(_ root: TomlTable) -> Route {
        var route = Route()
        guard let table = root.table("route") else { return route }
        defer { table.refuseUnknownKeys() }
        route.inventoryFiles = table.integer("inventory_files", in: 0...1_000_000)
        route.objects = table.integer("objects", in: 0...Int(Int32.max))
        return route
    }

    private static func readBatch(_ root: TomlTable) -> Batch? {
        guard let table = root.table("batch") else { return nil }
        defer { table.refuseUnknownKeys() }
        let account: String? = table.value("account", "the twelve digits of an account") {
            guard case .string(let text) = $0, text.utf8.count == 12,
                text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
            else { return nil }
            return text
        }
        let role: String? = table.value("role_arn", "the ARN of a role") {
            if case .string(let text) = $0, text.hasPrefix("arn:"), text.contains(":role/") { text } else { nil }
        }
        for key in ["account", "role_arn"] where !table.has(key) { table.missing(key) }
        let (endpoint, report) = (table.string("endpoint"), table.string("report", "the name of a bucket"))
        guard let account, let role else { return nil }
        var batch = Batch(account: account, roleARN: role)
        (batch.endpoint, batch.report) = (endpoint, report)
        return batch
    }
}
