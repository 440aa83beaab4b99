import Codec
import Ledger
package import Platform

extension ArchiveExtractor {
    /// Sends the content of one file to `write`, checked against its digest.
    package func content(of item: Wanted, _ write: (UnsafeRawBufferPointer) throws(Fault) -> Void) throws(Fault) {
        let tar = try TarReader(codec.reader(source, range: item.range))
        let zeros = Buffer(capacity: 64 << 10)
        zeros.bytes.initializeMemory(as: UInt8.self, repeating: 0)
        while let found = try tar.next() {
            guard found.key == item.name, found.kind == .file else { continue }
            var content = ContentHasher()
            guard found.size == item.entry.size else {
                throw Fault(
                    .damaged, "\(source.name): '\(item.name)' is no file of \(item.entry.size) bytes in the tar")
            }
            var offset: Int64 = 0
            func fill(to end: Int64) throws(Fault) {
                while offset < end {
                    let count = Int(min(Int64(zeros.capacity), end - offset))
                    try write(UnsafeRawBufferPointer(rebasing: zeros.bytes[..<count]))
                    offset += Int64(count)
                }
            }
            try tar.readContent { (piece: UnsafeRawBufferPointer, start: Int64) throws(Fault) in
                try Shutdown.check()
                try content.add(piece, at: start, item.name)
                try fill(to: start)
                try write(piece)
                offset += Int64(piece.count)
            }
            try fill(to: item.entry.size)
            try content.end(at: item.entry.size, item.name)
            let digest = content.finish()
            if let expected = item.sha256, digest != expected {
                throw Fault(.damaged, "'\(item.name)': read with SHA-256 \(digest), expected \(expected)")
            }
            return
        }
        throw Fault(.damaged, "\(source.name): '\(item.name)' is not in the members where the index has it")
    }
}
