/// A file that is being made: written under a temporary name beside its place, and there only once it is whole.
///
/// The order is write, fsync, close, rename, fsync of the directory; each is checked. The temporary name follows from
/// the final one, so that a rerun after a crash replaces what the crash left.
package final class PendingFile {
    package let file: File
    private let directory: Directory
    private let name: ByteString
    private let temporary: ByteString
    private var isOpen = true

    /// The ending of temporary names.
    package static let suffix = ByteString(".partial")

    /// The temporary name for `name`; long names are cut, since a name has at most 255 bytes (NAME_MAX), and get a
    /// checksum of the whole (FNV-1a), or two long names that differ at the end would share one temporary file.
    package static func temporaryName(for name: ByteString) -> ByteString {
        let room = 255 - 1 - suffix.count
        guard name.count > room else { return ByteString(bytes: [UInt8(ascii: ".")] + name.bytes + suffix.bytes) }
        let sum = name.bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let digits = String(sum, radix: 16)
        let mark = "~" + String(repeating: "0", count: 16 - digits.count) + digits
        return ByteString(
            bytes: [UInt8(ascii: ".")] + name.bytes.prefix(room - mark.utf8.count) + mark.utf8 + suffix.bytes)
    }

    /// Whether a name is a temporary one.
    package static func isTemporary(_ name: ByteString) -> Bool {
        name.hasPrefix(".") && name.bytes.suffix(suffix.count).elementsEqual(suffix.bytes)
    }

    package init(_ name: ByteString, in directory: Directory, mode: UInt32 = 0o600) throws(Fault) {
        self.directory = directory
        self.name = name
        temporary = PendingFile.temporaryName(for: name)
        // What a crash left is removed, not emptied: it may have another mode or another name (link(2)), or be a link.
        try directory.removeIfPresent(temporary)
        file = try directory.createNewFile(temporary, mode: mode)
    }

    deinit { if isOpen { try? directory.removeIfPresent(temporary) } }

    /// Puts the file in its place.
    ///
    /// - Parameter exclusively: true to refuse a name that is taken.
    /// - Throws: `exists` for a taken name, or what sync, close or rename say; nothing is left under the final name then.
    package func commit(exclusively: Bool = false) throws(Fault) {
        try file.sync()
        try file.close()
        if exclusively {
            try directory.renameExclusively(temporary, to: name)
        } else {
            try directory.rename(temporary, to: name)
        }
        isOpen = false
        try directory.sync()
    }

    /// Writes a whole small file in this way.
    package static func write(_ bytes: [UInt8], to name: ByteString, in directory: Directory, exclusively: Bool = false)
        throws(Fault)
    {
        let pending = try PendingFile(name, in: directory)
        try pending.file.write(bytes)
        try pending.commit(exclusively: exclusively)
    }
}
