import AWS
import FoundationEssentials
import Ledger
package import Platform

/// The copies in parts that were begun, in a file of JSON lines: another process goes on with them.
///
/// The parts themselves are asked of the store, and every part was made under the condition that the source has the ETag
/// that stands here.
package final class LargeCopies: Sendable {
    struct Begun: Codable, Sendable, Equatable {
        var key: String
        var source: String
        var etag: String
        var upload: String
        var partSize: Int64
    }

    private let place: (directory: Directory, name: ByteString)?
    private let begun: Monitor<[Begun]>

    /// Reads what is known.
    ///
    /// - Parameters:
    ///   - name: of the file.
    ///   - directory: where it is.
    /// - Throws: the system's fault.
    package init(_ name: ByteString, in directory: Directory) throws(Fault) {
        place = (directory, name)
        var known: [Begun] = []
        do {
            for line in try directory.readFile(name).split(separator: UInt8(ascii: "\n")) {
                // The last line may have been cut by a crash.
                if let one = try? JSONDecoder().decode(Begun.self, from: Data(line)) { known.append(one) }
            }
        } catch { if error.code != .notFound { throw error } }
        begun = Monitor(known)
    }

    /// Remembers nothing beyond this process.
    package init() {
        place = nil
        begun = Monitor([])
    }

    /// The ids of their uploads.
    package var uploads: [String] { begun.with { $0.map(\.upload) } }

    /// The newest copy of this source that was begun under a key.
    func find(_ key: ByteString, source: String, etag: String) -> Begun? {
        let text = S3Client.text(key)
        return begun.with { known in
            known.last { ByteString($0.key) == ByteString(text) && $0.source == source && $0.etag == etag }
        }
    }

    /// Brings a copy that has just been begun to stable storage.
    func add(_ one: Begun) throws(Fault) {
        let line = [UInt8(ascii: "\n")] + (try JSONFile.encodeLine(one)) + [UInt8(ascii: "\n")]
        do {
            try begun.with { known in
                if let (directory, name) = place {
                    let file = try directory.appendFile(name)
                    try file.write(line)
                    try file.sync()
                    try file.close()
                }
                known.append(one)
            }
        } catch { throw .wrapping(error) }
    }

    /// Forgets all, once the unit is done.
    package func end() throws(Fault) {
        guard let (directory, name) = place else { return }
        try directory.removeIfPresent(name)
        try directory.sync()
    }
}
