package import Platform

/// `ledger/_lost.json`: archives that manifests name and a vault was found not to have any more, or not as it was.
///
/// Nothing is carried from them: what they held is collected again. One that is seen whole again leaves the list.
package struct LostObjects: Codable, Sendable, Equatable {
    package struct Loss: Codable, Sendable, Equatable {
        package var vault: String
        package var why: String
        package var noticed: String

        package init(vault: String, why: String, noticed: String) {
            self.vault = vault
            self.why = why
            self.noticed = noticed
        }
    }

    package var format = JSONFile.format
    /// By the key in the vault.
    package var objects: [String: Loss] = [:]

    package init() {}

    package var keys: Set<String> { Set(objects.keys) }
}

extension LedgerDirectory {
    private static let lostName = ByteString("_lost.json")

    /// - Throws: `damaged` for a list that can't be read: nobody knows then what may be carried.
    package func lost() throws(Fault) -> LostObjects {
        try JSONFile.read(LostObjects.self, Self.lostName, in: root) ?? LostObjects()
    }

    /// Brings the list to stable storage, under the lock of the ledger.
    package func setLost(_ lost: LostObjects) throws(Fault) {
        if lost.objects.isEmpty {
            try root.removeIfPresent(Self.lostName)
        } else {
            try JSONFile.write(lost, to: Self.lostName, in: root)
        }
    }
}
