import Glibc
import Platform

/// Merges sorted runs into one, by the bytes of the keys, each key once.
///
/// A key that is listed several times is told as it was modified last: an inventory is a scan that takes hours, and
/// several may overlap.
final class ObjectMerge {
    /// A heap: the least is the first.
    private var cursors: [RunCursor] = []
    private var current = Buffer(capacity: ObjectRecord.header + 4 * 1_024)

    init(_ runs: [RunCursor]) throws(Fault) {
        for run in runs where try run.advance() { cursors.append(run) }
        for index in stride(from: cursors.count / 2, through: 0, by: -1) { sink(index) }
    }

    /// The next record, valid until the next call, or nothing at the end.
    func next() throws(Fault) -> ObjectRecord? {
        guard let first = cursors.first, let base = current.bytes.baseAddress else { return nil }
        keep(first.record, base)
        try step()
        let kept = ObjectRecord(start: UnsafeRawPointer(base))
        while let first = cursors.first, ObjectRecord.order(first.record, kept) == 0 {
            if kept.modified < first.record.modified { keep(first.record, base) }
            try step()
        }
        return kept
    }

    private func keep(_ record: ObjectRecord, _ base: UnsafeMutableRawPointer) {
        base.copyMemory(from: record.start, byteCount: min(record.length, current.capacity))
    }

    private func step() throws(Fault) {
        if try !cursors[0].advance() {
            cursors[0] = cursors[cursors.count - 1]
            cursors.removeLast()
        }
        sink(0)
    }

    private func sink(_ start: Int) {
        var index = start
        while 2 * index + 1 < cursors.count {
            var least = 2 * index + 1
            if least + 1 < cursors.count,
                ObjectRecord.order(cursors[least + 1].record, cursors[least].record) < 0
            {
                least += 1
            }
            guard ObjectRecord.order(cursors[least].record, cursors[index].record) < 0 else { return }
            cursors.swapAt(index, least)
            index = least
        }
    }
}
