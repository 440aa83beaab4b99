import Codec
import Ledger
package import Platform

/// Compares bytes with what is expected while they pass: the digest of each part, the size and the digest of the whole.
package struct ContentCheck: Sendable {
    private let expected: ExpectedContent
    private let parts: PartTable?
    private let name: String
    private var whole = SHA256Hasher()
    private var part = SHA256Hasher()
    private var partCount: Int64 = 0
    private var partIndex = 0
    private var count: Int64 = 0

    /// Begins a check.
    ///
    /// - Parameters:
    ///   - expected: what is to pass.
    ///   - name: whose bytes they are, for messages.
    ///   - byParts: false to leave the part table alone; a copy's digest alone is cheaper.
    /// - Throws: `damaged` when the part table doesn't fit the size.
    package init(_ expected: ExpectedContent, of name: String, byParts: Bool = true) throws(Fault) {
        self.expected = expected
        self.name = name
        parts = byParts ? expected.parts : nil
        guard expected.size >= 0 else { throw Fault(.damaged, "\(name): a size of \(expected.size) bytes is expected") }
        guard let parts else { return }
        guard parts.partSize > 0 else {
            throw Fault(.damaged, "\(name): the part table has parts of \(parts.partSize) bytes")
        }
        let (full, rest) = expected.size.quotientAndRemainder(dividingBy: parts.partSize)
        let needed = full + (rest > 0 ? 1 : 0)
        // Nothing at all is either no part or one empty part.
        guard Int64(parts.digests.count) == needed || (expected.size == 0 && parts.digests.count == 1) else {
            throw Fault(
                .damaged,
                "\(name): the part table has \(parts.digests.count) parts of \(parts.partSize) bytes, "
                    + "expected \(needed) for \(expected.size) bytes")
        }
    }

    /// Takes the bytes that follow.
    ///
    /// - Throws: `damaged` at the end of a part that differs, or for bytes beyond the expected size.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
        count += Int64(bytes.count)
        guard count <= expected.size else {
            throw Fault(.damaged, "\(name): more than the expected \(expected.size) bytes")
        }
        whole.update(bytes)
        guard let parts else { return }
        var rest = bytes
        while !rest.isEmpty {
            let step = Int(min(Int64(rest.count), parts.partSize - partCount))
            part.update(UnsafeRawBufferPointer(rebasing: rest[..<step]))
            partCount += Int64(step)
            rest = UnsafeRawBufferPointer(rebasing: rest[step...])
            if partCount == parts.partSize { try endPart(parts) }
        }
    }

    /// Ends the check after the last byte.
    ///
    /// - Throws: `damaged` when bytes are missing, or the last part or the whole differs.
    package mutating func finish() throws(Fault) {
        guard count == expected.size else {
            throw Fault(.damaged, "\(name): has \(count) bytes, expected \(expected.size)")
        }
        if let parts, partIndex < parts.digests.count { try endPart(parts) }
        let found = whole.finish()
        guard found == expected.sha256 else {
            throw Fault(.damaged, "\(name): sha256 is \(found), expected \(expected.sha256)")
        }
    }

    private mutating func endPart(_ parts: PartTable) throws(Fault) {
        let found = part.finish()
        guard found == parts.digests[partIndex] else {
            throw Fault(
                .damaged,
                "\(name): part \(partIndex + 1) of \(parts.digests.count): sha256 is \(found), "
                    + "expected \(parts.digests[partIndex])")
        }
        part = SHA256Hasher()
        partCount = 0
        partIndex += 1
    }
}
