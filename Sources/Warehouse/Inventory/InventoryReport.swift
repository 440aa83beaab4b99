import Crypto
import FoundationEssentials
package import Platform

/// One inventory as its `manifest.json` tells it (S3 user guide, locating your inventory list).
package struct InventoryReport: Sendable, Equatable {
    /// One of the files with the rows.
    package struct Part: Sendable, Equatable {
        package var key: ByteString
        /// Compressed bytes.
        package var size: Int64
        /// In small letters.
        package var md5: String

        package init(key: ByteString, size: Int64, md5: String) {
            self.key = key
            self.size = size
            self.md5 = md5
        }
    }

    /// The bucket that was listed.
    package var sourceBucket: String
    /// When the listing began.
    package var createdAt: Timestamp
    package var schema: InventorySchema
    package var parts: [Part]

    /// The most bytes of a manifest that are read.
    package static let longestDocument = 64 << 20
    private static let mostParts = 1_000_000

    private struct Document: Decodable {
        var sourceBucket: String
        var destinationBucket: String?
        var version: String?
        var creationTimestamp: String
        var fileFormat: String
        var fileSchema: String
        var files: [File]
    }

    private struct File: Decodable {
        var key: String
        var size: Int64
        var MD5checksum: String
    }

    /// Checks and reads a manifest.
    ///
    /// - Parameters:
    ///   - bytes: `manifest.json`.
    ///   - checksum: `manifest.checksum`: the MD5 of the manifest in hexadecimal digits.
    ///   - name: of the manifest, for messages.
    /// - Throws: `damaged` for a manifest that is not the one of the checksum, or is none; `unsupported` for an inventory in
    ///   another format than CSV.
    package init(_ bytes: [UInt8], checksum: [UInt8], name: String) throws(Fault) {
        let wanted = String(decoding: checksum, as: UTF8.self).filter { !$0.isWhitespace }.lowercased()
        guard Self.isMD5(wanted) else { throw Fault(.damaged, "\(name): manifest.checksum beside it is no MD5 digest") }
        let found = Self.hex(Insecure.MD5.hash(data: bytes))
        guard found == wanted else {
            throw Fault(.damaged, "\(name): has MD5 \(found), and manifest.checksum says \(wanted)")
        }
        let document: Document
        do { document = try JSONDecoder().decode(Document.self, from: Data(bytes)) } catch {
            throw Fault(.damaged, "\(name): is no manifest of an inventory: \(Self.words(error))")
        }
        guard document.fileFormat == "CSV" else {
            throw Fault(
                .unsupported, "\(name): the inventory is in \(ByteString(document.fileFormat)), not in CSV",
                hint: "Set the output format of the inventory's configuration to CSV; the next inventory is read then.")
        }
        guard let milliseconds = Int64(document.creationTimestamp), milliseconds > 0 else {
            throw Fault(.damaged, "\(name): 'creationTimestamp' is no number of milliseconds")
        }
        createdAt = Timestamp(
            seconds: milliseconds / 1_000, nanoseconds: UInt32(milliseconds % 1_000) * 1_000_000)
        sourceBucket = document.sourceBucket
        do { schema = try InventorySchema(document.fileSchema) } catch { throw error.within(name) }
        guard document.files.count <= Self.mostParts else {
            throw Fault(.limit, "\(name): names \(document.files.count) files")
        }
        var keys: Set<String> = []
        parts = []
        for file in document.files {
            let md5 = file.MD5checksum.lowercased()
            guard !file.key.isEmpty, file.size >= 0, Self.isMD5(md5) else {
                throw Fault(.damaged, "\(name): the file '\(ByteString(file.key))' has no key, size or MD5 digest")
            }
            guard keys.insert(file.key).inserted else {
                throw Fault(.damaged, "\(name): names the file '\(ByteString(file.key))' twice")
            }
            parts.append(Part(key: ByteString(file.key), size: file.size, md5: md5))
        }
    }

    private static func isMD5(_ text: String) -> Bool {
        text.utf8.count == 32 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func words(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, _): "it has no '\(key.stringValue)'"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            "'\(context.codingPath.map(\.stringValue).joined(separator: "."))' is of another type"
        default: "not whole JSON"
        }
    }
}
