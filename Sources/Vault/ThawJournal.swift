package import Ledger
package import Platform

/// Remembers for which objects of a vault a copy was asked, and when: the store itself does not tell.
///
/// One file in the state directory for each vault, which only caches: without it nothing is lost but the hour at which a
/// thaw ends.
package struct ThawJournal: Sendable {
    /// What was asked for.
    package struct Asked: Sendable, Hashable {
        package var at: Timestamp
        package var tier: ThawTier

        package init(at: Timestamp, tier: ThawTier) {
            self.at = at
            self.tier = tier
        }
    }

    private struct Record: Codable {
        struct Line: Codable {
            var at: String
            var tier: String
        }
        var format = JSONFile.format
        var objects: [String: Line] = [:]
    }

    private let directory: Directory
    private let name: ByteString

    /// Older requests are over, whatever came of them: a thaw takes two days at the most.
    private static let longestAge: Int64 = 30 * 86_400

    /// - Parameters:
    ///   - state: the state directory.
    ///   - vault: the vault's name in the settings.
    package init(_ state: Directory, vault: String) {
        directory = state
        name = ByteString("thaw.\(vault).json")
    }

    /// What was asked for in the last days.
    ///
    /// - Throws: the system's fault; a file that can't be understood is as none.
    package func load() throws(Fault) -> [ObjectKey: Asked] {
        var asked: [ObjectKey: Asked] = [:]
        for (key, line) in try record().objects {
            guard let key = try? ObjectKey(key), let at = Timestamp(rfc3339: line.at),
                let tier = ThawTier(rawValue: line.tier)
            else { continue }
            asked[key] = Asked(at: at, tier: tier)
        }
        return asked
    }

    private func record() throws(Fault) -> Record {
        do { return try JSONFile.read(Record.self, name, in: directory) ?? Record() } catch {
            guard error.code == .damaged || error.code == .unsupported else { throw error }
            return Record()
        }
    }

    /// Adds what was asked for just now, and forgets what is long over.
    package func add(_ keys: [ObjectKey], _ asked: Asked) throws(Fault) {
        if keys.isEmpty { return }
        var record = try record()
        let oldest = Timestamp(seconds: asked.at.seconds - Self.longestAge).rfc3339
        record.objects = record.objects.filter { oldest <= $0.value.at }
        for key in keys { record.objects[key.description] = .init(at: asked.at.rfc3339, tier: asked.tier.rawValue) }
        try JSONFile.write(record, to: name, in: directory)
    }
}
