import FoundationEssentials
import Ledger
package import Platform

/// A parts journal in a file: a line of JSON for the upload, then one for each part, each brought to stable storage
/// before the next step.
package struct FilePartsJournal: PartsJournal {
    private let directory: Directory
    private let name: ByteString

    package init(_ name: ByteString, in directory: Directory) {
        self.directory = directory
        self.name = name
    }

    package func load() throws(Fault) -> PartsRecord? {
        let bytes: [UInt8]
        do { bytes = try directory.readFile(name) } catch {
            if error.code == .notFound { return nil }
            throw error
        }
        let lines = bytes.split(separator: UInt8(ascii: "\n"))
        let decoder = JSONDecoder()
        // What can't be read is no upload that could be gone on with; a new one is begun, and the old one is swept.
        guard let first = lines.first,
            let upload = try? decoder.decode(PartsRecord.Upload.self, from: Data(first))
        else { return nil }
        // The last line may have been cut by a crash.
        let parts = lines.dropFirst().compactMap { try? decoder.decode(PartsRecord.Part.self, from: Data($0)) }
        return PartsRecord(upload: upload, parts: parts)
    }

    package func begin(_ upload: PartsRecord.Upload) throws(Fault) {
        try PendingFile.write(try JSONFile.encodeLine(upload) + [UInt8(ascii: "\n")], to: name, in: directory)
    }

    package func add(_ part: PartsRecord.Part) throws(Fault) {
        let file = try directory.appendFile(name)
        // A line feed first ends a line that a crash has cut.
        try file.write([UInt8(ascii: "\n")] + JSONFile.encodeLine(part) + [UInt8(ascii: "\n")])
        try file.sync()
        try file.close()
    }

    package func end() throws(Fault) {
        // Most archives are sent in one request, and have none.
        guard try directory.exists(name) else { return }
        try directory.removeIfPresent(name)
        try directory.sync()
    }
}
