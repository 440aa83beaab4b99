import Codec
import Crypto
import Platform

/// The bytes of an inventory's file as they come, with their MD5: what was read is known to be right when the end is
/// reached, and not before.
final class PartStream: RangedSource {
    private struct State {
        var md5 = Insecure.MD5()
        var offset: Int64 = 0
    }

    private let source: any RangedSource
    private let state = Monitor(State())

    init(_ source: any RangedSource) { self.source = source }

    var name: String { source.name }
    var size: Int64 { source.size }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        try state.with { state throws(Fault) in
            guard offset == state.offset else {
                throw Fault(.io, "\(name): is read from \(offset) on, not from \(state.offset)")
            }
            let count = try source.read(into: buffer, at: offset)
            state.md5.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            state.offset += Int64(count)
            return count
        }
    }

    /// Compares all that was read with what the manifest says.
    ///
    /// - Throws: `damaged` for other bytes, or fewer.
    func check(_ part: InventoryReport.Part) throws(Fault) {
        let read = state.with { $0 }
        guard read.offset == part.size else {
            throw Fault(
                .damaged, "\(name): \(read.offset) bytes were read, and the inventory's manifest says \(part.size)")
        }
        let found = InventoryReport.hex(read.md5.finalize())
        guard found == part.md5 else {
            throw Fault(.damaged, "\(name): has MD5 \(found), and the inventory's manifest says \(part.md5)")
        }
    }
}
