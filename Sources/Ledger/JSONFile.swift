import FoundationEssentials
package import Platform

/// Records as JSON files that people read and `jq` takes apart: sorted keys, one per line.
package enum JSONFile {
    /// The format of the records that this version writes, and the only one that it reads.
    package static let format = 1

    /// What is read of a record first, whatever else stands in it.
    private struct Format: Decodable {
        var format: Int?
    }

    package static func encode(_ value: some Encodable) throws(Fault) -> [UInt8] {
        try encode(value, [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]) + [UInt8(ascii: "\n")]
    }

    /// One line of JSON, without its end.
    package static func encodeLine(_ value: some Encodable) throws(Fault) -> [UInt8] {
        try encode(value, [.sortedKeys, .withoutEscapingSlashes])
    }

    private static func encode(_ value: some Encodable, _ format: JSONEncoder.OutputFormatting) throws(Fault) -> [UInt8]
    {
        let encoder = JSONEncoder()
        encoder.outputFormatting = format
        do { return Array(try encoder.encode(value)) } catch {
            throw Fault(.damaged, "can't be written as JSON: \(error)")
        }
    }

    package static func write(_ value: some Encodable, to name: ByteString, in directory: Directory) throws(Fault) {
        try PendingFile.write(try encode(value), to: name, in: directory)
    }

    /// Reads a record, or nothing when there is none.
    ///
    /// - Throws: `damaged`, naming the file, when it is not the JSON that is expected; `unsupported` when another version
    ///   has written it in a format of its own.
    package static func read<Value: Decodable>(_ type: Value.Type, _ name: ByteString, in directory: Directory)
        throws(Fault) -> Value?
    {
        let bytes: [UInt8]
        do { bytes = try directory.readFile(name) } catch {
            if error.code == .notFound { return nil }
            throw error
        }
        let data = Data(bytes)
        // Before the rest: a newer record may lack what this version needs, and must not be taken for a damaged one.
        if let format = (try? JSONDecoder().decode(Format.self, from: data))?.format, format != Self.format {
            throw Fault(
                .unsupported,
                "\(directory.path(of: name)): is a record of format \(format), this version knows format \(Self.format)",
                hint: "Use the version that wrote it, or a newer one; leave the record as it is.")
        }
        do { return try JSONDecoder().decode(type, from: data) } catch let error as DecodingError {
            throw Fault(
                .damaged, "\(directory.path(of: name)): \(words(error))",
                hint: "The record was changed or cut; remove it and run the stage again, its unit is then redone.")
        } catch { throw Fault(.damaged, "\(directory.path(of: name)): \(error)") }
    }

    private static func words(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _): "has no '\(key.stringValue)'"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "'\(context.codingPath.map(\.stringValue).joined(separator: "."))' is not what it should be"
        case .dataCorrupted(let context): "is no valid JSON record: \(context.debugDescription)"
        @unknown default: "is no valid JSON record"
        }
    }
}
