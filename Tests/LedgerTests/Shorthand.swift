import Ledger
import Platform
import TestSupport

/// Text as a gzip'd table.
func packed(_ text: String) throws -> BytesSource { BytesSource(try gzipped(Array(text.utf8)), name: "table") }

/// The text of a gzip'd table.
func unpacked(_ bytes: [UInt8]) throws -> String { String(decoding: try gunzipped(bytes), as: UTF8.self) }

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
