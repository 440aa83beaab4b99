import Glibc

/// A string of bytes: a file name or path as the kernel sees it, which need not be UTF-8.
///
/// It compares by bytes, which is the order of every sorted file of this project.
package struct ByteString: Hashable, Sendable {
    package var bytes: [UInt8]

    @inlinable package init() { bytes = [] }
    @inlinable package init(bytes: [UInt8]) { self.bytes = bytes }
    @inlinable package init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }
    package init(_ string: String) { bytes = Array(string.utf8) }
    package init(cString: UnsafePointer<CChar>) {
        let length = strlen(cString)
        bytes = cString.withMemoryRebound(to: UInt8.self, capacity: length) {
            Array(UnsafeBufferPointer(start: $0, count: length))
        }
    }

    @inlinable package var isEmpty: Bool { bytes.isEmpty }
    @inlinable package var count: Int { bytes.count }

    /// Calls `body` with the bytes and a NUL behind them.
    package func withCString<R>(_ body: (UnsafePointer<CChar>) throws -> R) rethrows -> R {
        try withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { buffer in
            for (index, byte) in bytes.enumerated() { buffer[index] = CChar(bitPattern: byte) }
            buffer[bytes.count] = 0
            guard let start = buffer.baseAddress else { preconditionFailure("an allocation of at least one byte") }
            return try body(UnsafePointer(start))
        }
    }

    @inlinable package func hasPrefix(_ prefix: ByteString) -> Bool { bytes.starts(with: prefix.bytes) }
    @inlinable package func hasSuffix(_ byte: UInt8) -> Bool { bytes.last == byte }

    package static func + (left: ByteString, right: ByteString) -> ByteString {
        ByteString(bytes: left.bytes + right.bytes)
    }

    /// The parts between slashes; empty parts are left out.
    package var components: [ByteString] {
        bytes.split(separator: UInt8(ascii: "/")).map { ByteString($0) }
    }
}

extension ByteString: Comparable {
    package static func < (left: ByteString, right: ByteString) -> Bool {
        let common = min(left.bytes.count, right.bytes.count)
        let order = left.bytes.withUnsafeBytes { l -> Int32 in
            right.bytes.withUnsafeBytes { r -> Int32 in
                if let l = l.baseAddress, let r = r.baseAddress { return memcmp(l, r, common) }
                return 0
            }
        }
        return order == 0 ? left.bytes.count < right.bytes.count : order < 0
    }
}

extension ByteString: ExpressibleByStringLiteral {
    package init(stringLiteral value: String) { self.init(value) }
}

extension ByteString: CustomStringConvertible {
    /// The text for people: valid UTF-8 as it is, control characters and invalid bytes as `\xHH`.
    ///
    /// U+0080 to U+009F are controls too: a terminal takes U+009B for the start of an escape sequence.
    package var description: String {
        if bytes.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return String(decoding: bytes, as: UTF8.self) }
        var text = ""
        var decoder = UTF8()
        var rest = bytes[...]
        while !rest.isEmpty {
            var iterator = rest.makeIterator()
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar) where scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value):
                text.unicodeScalars.append(scalar)
                rest = rest.dropFirst(String(scalar).utf8.count)
            default:
                let byte = rest.removeFirst()
                let digits = String(byte, radix: 16, uppercase: true)
                text += digits.count == 1 ? "\\x0\(digits)" : "\\x\(digits)"
            }
            decoder = UTF8()
        }
        return text
    }
}
