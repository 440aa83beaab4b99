package import Ledger
package import Platform

/// The file of the price table: `prices.toml`, dated and made to be edited.
package enum PriceFile {
    /// Where the file lies when the settings name no other.
    package static let defaultPath = "/etc/coldchain/prices.toml"

    /// Reads the price table; where there is no file at ``defaultPath``, it is the list prices that the program brings.
    ///
    /// - Throws: `settings` for a file that is wrong, and for another one that is missing.
    package static func load(_ path: String) throws(Fault) -> PriceTable {
        do { return try read(try TomlDocument(path: path)) } catch {
            guard error.code == .notFound else { throw error }
            if path == defaultPath { return .listPrices }
            throw Fault(
                .settings, error.message, hint: "Copy the example prices.toml there, or leave the key 'prices' out.")
        }
    }

    /// Reads the tables of a document.
    package static func read(_ document: TomlDocument) throws(Fault) -> PriceTable {
        let root = document.root
        let date = date(root)
        var terms: [String: PriceTable.Terms] = [:]
        for (name, _, table) in root.tables("terms") {
            terms[name] = PriceTable.Terms(
                minimumDays: table.integer("minimum_days", in: 0...36_500) ?? 0,
                minimumBytes: table.byteCount("minimum_size")?.bytes ?? 0,
                overhead: table.byteCount("overhead")?.bytes ?? 0,
                hotOverhead: table.byteCount("hot_overhead")?.bytes ?? 0)
            table.refuseUnknownKeys()
        }
        var regions: [String: [String: PriceTable.Prices]] = [:]
        for (region, _, classes) in root.tables("region") {
            for (name, _, table) in classes.innerTables() { regions[region, default: [:]][name] = prices(table) }
        }
        root.refuseUnknownKeys()
        try document.problems.throwIfAny()
        return PriceTable(date: date ?? PriceTable.listPrices.date, terms: terms, regions: regions)
    }

    private static func date(_ root: TomlTable) -> CivilDate? {
        guard root.has("date") else {
            root.missing("date", hint: "Write the day on which the prices were looked up: date = \"2026-11-20\".")
            return nil
        }
        return root.value("date", #"a day such as "2026-11-20""#) {
            if case .string(let text) = $0 { CivilDate(text) } else { nil }
        }
    }

    private static func prices(_ table: TomlTable) -> PriceTable.Prices {
        func price(_ key: String) -> Double {
            if !table.has(key) { table.missing(key) }
            return table.price(key) ?? 0
        }
        var restore: [String: PriceTable.Restore] = [:]
        if let tiers = table.table("restore") {
            for tier in ["direct", "bulk", "standard", "expedited"] {
                guard let one = tiers.table(tier) else { continue }
                restore[tier] = PriceTable.Restore(
                    requests: one.price("requests") ?? 0, bytes: one.price("bytes") ?? 0)
                one.refuseUnknownKeys()
            }
            tiers.refuseUnknownKeys()
        }
        defer { table.refuseUnknownKeys() }
        return PriceTable.Prices(
            storage: price("storage"), put: price("put"), get: price("get"), transition: price("transition"),
            restore: restore)
    }
}

extension TomlTable {
    /// Dollars, not negative and not so many that they are a slip of the pen.
    fileprivate func price(_ key: String) -> Double? {
        value(key, "a price in dollars") {
            switch $0 {
            case .float(let number) where (0...1_000_000).contains(number): number
            case .integer(let number) where (0...1_000_000).contains(number): Double(number)
            default: nil
            }
        }
    }
}
