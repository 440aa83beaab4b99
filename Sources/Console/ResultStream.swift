import Ledger
package import Platform

/// Results that are printed as they come, since there may be more of them than memory should hold.
package struct ResultStream {
    private var bytes: [UInt8] = []
    private var elements = 0

    private static let piece = 1 << 16
    private static let newline = UInt8(ascii: "\n")

    private let write: ([UInt8]) throws(Fault) -> Void

    /// - Parameter write: takes what is printed, in pieces.
    package init(_ write: @escaping ([UInt8]) throws(Fault) -> Void = Output.write) { self.write = write }

    /// Prints a line.
    ///
    /// - Throws: `readerGone` when nobody reads any more.
    package mutating func line(_ line: some Sequence<UInt8>) throws(Fault) {
        bytes.append(contentsOf: line)
        bytes.append(Self.newline)
        if bytes.count >= Self.piece { try flush() }
    }

    /// Prints an element of a JSON array, as ``Output/result(_:text:)`` prints the whole array.
    ///
    /// - Throws: `readerGone` when nobody reads any more.
    package mutating func element(_ value: some Encodable) throws(Fault) {
        bytes.append(contentsOf: (elements == 0 ? "[" : ",").utf8)
        elements += 1
        for line in try JSONFile.encode(value).dropLast().split(
            separator: Self.newline, omittingEmptySubsequences: false)
        {
            // An empty array within has an empty line.
            bytes.append(contentsOf: (line.isEmpty ? "\n" : "\n  ").utf8)
            bytes.append(contentsOf: line)
        }
        if bytes.count >= Self.piece { try flush() }
    }

    /// Ends the array, which may be an empty one.
    ///
    /// - Throws: as ``element(_:)``.
    package mutating func endArray() throws(Fault) {
        if elements == 0 {
            bytes += try JSONFile.encode([String]())
        } else {
            bytes.append(contentsOf: "\n]\n".utf8)
        }
        try flush()
    }

    /// Prints what is left.
    ///
    /// - Throws: `readerGone` when nobody reads any more.
    package mutating func flush() throws(Fault) {
        try write(bytes)
        bytes.removeAll(keepingCapacity: true)
    }
}
