import Platform

/// Cuts the tar into blocks, each of which becomes one member.
///
/// A block begins where an entry's headers begin, except for the following pieces of an entry larger than a block; the
/// tail of such an entry closes its block. So any entry comes back from the members that cover it, and stock tar reads
/// them. Where the cuts fall depends on the entries alone.
final class MemberCutter {
    /// Gives an empty block with its number, waiting for one.
    private let take: () throws(Fault) -> Block
    /// Takes a full block.
    private let emit: (Block) throws(Fault) -> Void

    private var block: Block?
    private var header: [UInt8] = []
    private var isCollectingHeader = false
    private var isLarge = false
    private var firstMember = 0
    private var skip = 0
    /// Bytes of tar so far.
    private(set) var tarSize: Int64 = 0

    init(take: @escaping () throws(Fault) -> Block, emit: @escaping (Block) throws(Fault) -> Void) {
        self.take = take
        self.emit = emit
    }

    /// What is appended from now on is the header of a new entry.
    func beginHeader() {
        header.removeAll(keepingCapacity: true)
        isCollectingHeader = true
    }

    /// The header is complete: decides whether the entry begins a new block.
    ///
    /// - Parameter content: the bytes of content that will follow, without padding.
    /// - Throws: what taking or emitting a block throws: `interrupted` when the pipeline was stopped.
    func endHeader(content: Int64) throws(Fault) {
        isCollectingHeader = false
        let total = Int64(header.count) + (content + 511) / 512 * 512
        isLarge = total > Int64(Block.memberSize)
        if let current = block, current.input.count > 0,
            isLarge || Int64(current.input.count) + total > Int64(Block.memberSize)
        {
            try flush()
        }
        let current = try current()
        firstMember = current.number
        skip = current.input.count
        var failure: Fault?
        header.withUnsafeBytes { bytes in
            do { try appendContent(bytes) } catch { failure = .wrapping(error) }
        }
        if let failure { throw failure }
    }

    /// Takes tar bytes from libarchive.
    func append(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
        if isCollectingHeader {
            header.append(contentsOf: bytes)
        } else {
            try appendContent(bytes)
        }
    }

    /// The free rest of the current block, never empty: content that is read into its start and then written through
    /// libarchive is already in its place, and not copied.
    func space() throws(Fault) -> UnsafeMutableRawBufferPointer {
        if let full = block, full.input.count == Block.memberSize { try flush() }
        let current = try current()
        return UnsafeMutableRawBufferPointer(rebasing: current.input.bytes[current.input.count...])
    }

    private func appendContent(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
        tarSize += Int64(bytes.count)
        if let block, let start = block.input.bytes.baseAddress, let given = bytes.baseAddress,
            given == start + block.input.count, bytes.count <= Block.memberSize - block.input.count
        {
            block.input.count += bytes.count
            return
        }
        var rest = bytes
        while !rest.isEmpty {
            var current = try current()
            if current.input.count == Block.memberSize {
                try flush()
                current = try self.current()
            }
            let count = min(rest.count, Block.memberSize - current.input.count)
            UnsafeMutableRawBufferPointer(rebasing: current.input.bytes[current.input.count...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
            current.input.count += count
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Ends an entry and leaves its index row with the block that holds its last byte.
    func endEntry(row: [UInt8]) throws(Fault) {
        let current = try current()
        current.rows.append(contentsOf: row)
        current.rowEnds.append(.init(end: current.rows.count, firstMember: firstMember, skip: skip))
        if isLarge { try flush() }
    }

    /// Emits what is left.
    func finish() throws(Fault) {
        isCollectingHeader = false
        try flush()
    }

    private func current() throws(Fault) -> Block {
        if let block { return block }
        let fresh = try take()
        block = fresh
        return fresh
    }

    private func flush() throws(Fault) {
        guard let full = block else { return }
        block = nil
        try emit(full)
    }

    /// Gives up the block that is being filled, if there is one.
    func abandon() -> Block? {
        defer { block = nil }
        return block
    }
}
