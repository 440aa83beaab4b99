import Platform

/// Appends requests to a buffer, numbers in network order, strings with their length in front.
struct SFTPEncoder {
    private(set) var bytes: [UInt8] = []

    /// Puts bytes in front that could not be sent yet.
    mutating func prepend(_ rest: ArraySlice<UInt8>) { bytes.insert(contentsOf: rest, at: 0) }

    mutating func append(_ value: UInt8) { bytes.append(value) }

    mutating func append(_ value: UInt32) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ value: UInt64) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ string: ByteString) {
        append(UInt32(string.count))
        bytes.append(contentsOf: string.bytes)
    }

    /// Appends a packet whose length is known only behind it.
    mutating func packet(_ body: (inout SFTPEncoder) -> Void) {
        let start = bytes.count
        append(UInt32(0))
        body(&self)
        let length = UInt32(bytes.count - start - 4).bigEndian
        withUnsafeBytes(of: length) { source in
            for (index, byte) in source.enumerated() { bytes[start + index] = byte }
        }
    }
}
