package import Codec
package import Platform

/// The ledger of a job on staging: the manifests that every vault of the job has verified.
///
/// A manifest is `RUN/UNIT.manifest.N.tsv.gz` with its `.sha256` beside it. A later attempt writes the next number, the
/// highest counts, none is rewritten.
package struct LedgerDirectory: Sendable {
    let root: Directory

    package init(_ root: Directory) { self.root = root }

    /// The name of a manifest file.
    package static func fileName(unit: String, number: Int) -> String { "\(unit).manifest.\(number).tsv.gz" }

    /// Takes a manifest's file name apart.
    package static func parse(_ fileName: String) -> (unit: String, number: Int)? {
        guard fileName.hasSuffix(".tsv.gz") else { return nil }
        let parts = fileName.dropLast(".tsv.gz".utf8.count).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 3, let number = Int(parts[parts.count - 1]), number > 0,
            parts[parts.count - 2] == "manifest"
        else { return nil }
        let unit = parts.dropLast(2).joined(separator: ".")
        // `Int` reads "+1" and "01", too.
        guard !unit.isEmpty, Self.fileName(unit: unit, number: number) == fileName else { return nil }
        return (unit, number)
    }

    /// All runs in the ledger, oldest first.
    package func runs() throws(Fault) -> [CivilDate] {
        try root.names().compactMap { CivilDate($0.description) }.sorted()
    }

    /// The units of a run with their highest numbers.
    package func units(of run: CivilDate) throws(Fault) -> [String: Int] {
        let name = ByteString(run.description)
        guard try root.exists(name) else { return [:] }
        var units: [String: Int] = [:]
        for name in try root.directory(name).names() {
            if let (unit, number) = Self.parse(name.description) { units[unit] = max(units[unit] ?? 0, number) }
        }
        return units
    }

    /// The file of a manifest.
    package func open(run: CivilDate, unit: String, number: Int) throws(Fault) -> FileSource {
        let directory = try root.directory(ByteString(run.description))
        return try FileSource(try directory.openFile(ByteString(Self.fileName(unit: unit, number: number))))
    }

    /// The digest that stands beside a manifest, or nothing where there is none.
    package func digest(run: CivilDate, unit: String, number: Int) throws(Fault) -> Digest256? {
        let name = ByteString(Self.fileName(unit: unit, number: number)) + Self.digestSuffix
        let directory = try root.directory(ByteString(run.description))
        guard try directory.exists(name) else { return nil }
        return Digest256(hex: try directory.readFile(name, limit: 4_096).prefix(64))
    }

    /// The same, or nothing where the ledger has nothing of that run.
    package func existingDigest(run: CivilDate, unit: String, number: Int) throws(Fault) -> Digest256? {
        guard try existingDirectory(of: run) != nil else { return nil }
        return try digest(run: run, unit: unit, number: number)
    }

    /// The newest verified manifest of a unit before `run`, or nothing.
    package func newest(unit: String, before run: CivilDate) throws(Fault) -> (run: CivilDate, number: Int)? {
        for date in try runs().reversed() where date < run {
            if let number = try units(of: date)[unit] { return (date, number) }
        }
        return nil
    }

    /// Where the manifests of a run lie, made where it is missing.
    package func directory(of run: CivilDate) throws(Fault) -> Directory {
        try root.descendCreating([ByteString(run.description)])
    }

    // MARK: Manifests on their way out

    /// Where manifests lie that a vault is to delete: no later run builds on them, and an undo brings them back.
    private static let retiredName = ByteString("_retired")

    /// Where the manifests of a run lie that were taken out of the ledger, or nothing where there are none.
    package func retiredDirectory(of run: CivilDate, makes: Bool) throws(Fault) -> Directory? {
        try directory(at: [Self.retiredName, ByteString(run.description)], makes: makes)
    }

    /// Takes a manifest out of the ledger, as long as it can be taken back.
    ///
    /// One that is out already, or nowhere, is no error: whoever was killed goes on here.
    package func retire(run: CivilDate, unit: String, number: Int) throws(Fault) {
        guard let from = try existing(nil, run) else { return }
        let to = try root.descendCreating([Self.retiredName, ByteString(run.description)])
        let name = ByteString(Self.fileName(unit: unit, number: number))
        // The manifest first: one without its digests counts no less, the other way round nothing is left behind.
        try Self.move([name, name + Self.digestSuffix], from, to)
        try removeIfEmpty(run, in: root)
    }

    /// Puts a manifest back that was taken out.
    ///
    /// - Returns: false when it is not there: nothing was taken out, or it has been dropped.
    package func takeBack(run: CivilDate, unit: String, number: Int) throws(Fault) -> Bool {
        let name = ByteString(Self.fileName(unit: unit, number: number))
        guard let from = try existing(Self.retiredName, run), try from.exists(name) else { return false }
        try Self.move([name + Self.digestSuffix, name], from, try directory(of: run))
        return true
    }

    /// Removes a manifest that was taken out: no vault has it any more.
    package func drop(run: CivilDate, unit: String, number: Int) throws(Fault) {
        guard let place = try existing(Self.retiredName, run) else { return }
        let name = ByteString(Self.fileName(unit: unit, number: number))
        try place.removeIfPresent(name)
        try place.removeIfPresent(name + Self.digestSuffix)
        try removeIfEmpty(run, in: try root.directory(Self.retiredName))
    }

    /// The file of a manifest that was taken out, or nothing when there is none.
    package func openRetired(run: CivilDate, unit: String, number: Int) throws(Fault) -> FileSource? {
        let name = ByteString(Self.fileName(unit: unit, number: number))
        guard let place = try existing(Self.retiredName, run), try place.exists(name) else { return nil }
        return try FileSource(try place.openFile(name))
    }

    private static let digestSuffix = ByteString(".sha256")

    private func existing(_ above: ByteString?, _ run: CivilDate) throws(Fault) -> Directory? {
        try directory(at: (above.map { [$0] } ?? []) + [ByteString(run.description)], makes: false)
    }

    // MARK: Directories

    /// Where the manifests of a run lie, or nothing where there are none.
    package func existingDirectory(of run: CivilDate) throws(Fault) -> Directory? {
        try directory(at: [ByteString(run.description)], makes: false)
    }

    /// A directory below the ledger.
    ///
    /// - Parameters:
    ///   - path: its names, which are safe.
    ///   - makes: whether it is made where it is missing.
    /// - Returns: nothing when it is missing and not made.
    /// - Throws: the system's fault.
    package func directory(at path: some Sequence<ByteString>, makes: Bool) throws(Fault) -> Directory? {
        let path = Array(path)
        if makes { return try root.descendCreating(path) }
        do throws(Fault) { return try root.descend(path) } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    private static func move(_ names: [ByteString], _ from: Directory, _ to: Directory) throws(Fault) {
        for name in names where try from.exists(name) { try from.rename(name, to: name, in: to) }
        try to.sync()
        try from.sync()
    }

    private func removeIfEmpty(_ run: CivilDate, in parent: Directory) throws(Fault) {
        let name = ByteString(run.description)
        guard try parent.exists(name), try parent.directory(name).names().isEmpty else { return }
        try parent.removeDirectory(name)
    }
}
