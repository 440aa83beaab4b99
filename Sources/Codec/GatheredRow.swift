/// The pieces of a row that does not lie in one chunk.
struct GatheredRow {
    private var bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 16)
    private(set) var count = 0

    var contents: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[..<count]) }

    mutating func clear() { count = 0 }

    func deallocate() { bytes.deallocate() }

    mutating func append(_ piece: UnsafeRawBufferPointer) {
        if count + piece.count > bytes.count {
            let more = UnsafeMutableRawBufferPointer.allocate(
                byteCount: max(2 * bytes.count, count + piece.count), alignment: 16)
            more.copyMemory(from: contents)
            bytes.deallocate()
            bytes = more
        }
        UnsafeMutableRawBufferPointer(rebasing: bytes[count...]).copyMemory(from: piece)
        count += piece.count
    }
}
