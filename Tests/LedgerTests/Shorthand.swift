import Codec
import Ledger
import Platform
import TestSupport
import Testing

/// The fault that `body` ends with, or nothing when it ends well.
func fault<R>(_ body: () throws -> R) -> Fault? {
    do {
        _ = try body()
        return nil
    } catch {
        return .wrapping(error)
    }
}

/// Expects that `body` ends with a fault of `code` whose message has `words` in it.
func expectFault<R>(
    _ code: Fault.Code, _ words: String = "", about: String = "", sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> R
) {
    let failure = fault(body)
    let isExpected = failure?.code == code && (words.isEmpty || failure?.message.contains(words) == true)
    #expect(isExpected, "\(about) \(String(describing: failure))", sourceLocation: sourceLocation)
}

/// Bytes as a gzip'd table.
func packed(_ text: String) throws -> BytesSource {
    let bytes = Array(text.utf8)
    let compressor = try GzipMemberCompressor(level: 6)
    let packed = [UInt8](unsafeUninitializedCapacity: GzipMemberCompressor.bound(bytes.count)) { output, count in
        count = bytes.withUnsafeBytes { compressor.compress($0, into: UnsafeMutableRawBufferPointer(output)) }
    }
    return BytesSource(packed, name: "table")
}

/// The text of a gzip'd table.
func unpacked(_ bytes: [UInt8]) throws -> String {
    let reader = GzipReader(BytesSource(bytes, name: "table"))
    let buffer = Buffer(capacity: 1 << 16)
    var all: [UInt8] = []
    while true {
        let count = try reader.read(into: buffer.bytes)
        if count == 0 { return String(decoding: all, as: UTF8.self) }
        all += buffer.bytes[..<count]
    }
}

/// Calls `write` with a new file and gives what it then holds.
func fileBytes(_ write: (File) throws -> Void) throws -> [UInt8] {
    try withTemporaryDirectory { path in
        let directory = try Directory.open(path)
        try write(try directory.createFile("file"))
        return try directory.readFile("file")
    }
}

func entry(
    _ key: ByteString, _ kind: EntryKind = .file, size: Int64 = 0, modified: Timestamp = Timestamp(seconds: 1_000),
    mode: UInt32 = 0o644, uid: UInt32 = 0, gid: UInt32 = 0, link: ByteString = ""
) -> Entry {
    Entry(key: key, kind: kind, size: size, modified: modified, mode: mode, uid: uid, gid: gid, link: link)
}

/// Keys that file systems have and formats trip over, in byte order.
let oddKeys: [ByteString] = [
    "\t", "\n", " ", " leading and trailing ", "\"quoted\"", "#parts", "%41", "'", "-rf", "..hidden", "=", "\\", "\\n",
    "\\x41", ByteString(bytes: Array(repeating: 0x61, count: 5_000)), "a\tb", "a\nb", "a\r\nb", "a,b", "key",
    "\u{7f}", "grüße/日本語", ByteString(bytes: [0xC3]), ByteString(bytes: [0xFF, 0xFE, 0x01]),
].sorted()
