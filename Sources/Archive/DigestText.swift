import Codec
import Platform

/// Lines as sha256sum(1) writes them: a name with a newline or backslash is escaped, and the line says so by a backslash
/// of its own.
struct DigestText {
    private(set) var bytes: [UInt8] = []
    private var row = RowWriter()
    private static let backslash = UInt8(ascii: "\\")

    /// The name of the entry that holds the lines, unless an entry has it.
    static let name = ByteString("MANIFEST.sha256")

    /// Whether an entry of this name may be the one: the usual name, with underscores before it.
    static func isName(of entry: ByteString) -> Bool {
        entry.bytes.drop { $0 == UInt8(ascii: "_") }.elementsEqual(name.bytes)
    }

    mutating func add(_ digest: Digest256, _ name: ByteString) {
        let label = Self.label(name)
        if label.isOdd { bytes.append(Self.backslash) }
        digest.write(to: &row)
        bytes += row.bytes
        row.clear()
        bytes += [0x20, 0x20]
        bytes += label.bytes
        bytes.append(0x0A)
    }

    mutating func clear() { bytes.removeAll(keepingCapacity: true) }

    /// A name as it stands in a line, and whether that is not as it is.
    static func label(_ name: ByteString) -> (bytes: [UInt8], isOdd: Bool) {
        guard name.bytes.contains(where: { $0 == backslash || $0 == 0x0A || $0 == 0x0D }) else {
            return (name.bytes, false)
        }
        var label: [UInt8] = []
        for byte in name.bytes {
            switch byte {
            case backslash: label += [backslash, backslash]
            case 0x0A: label += [backslash, UInt8(ascii: "n")]
            case 0x0D: label += [backslash, UInt8(ascii: "r")]
            default: label.append(byte)
            }
        }
        return (label, true)
    }
}
