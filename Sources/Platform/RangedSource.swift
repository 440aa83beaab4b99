/// Bytes that can be read at any offset: a file here, an object in a vault.
///
/// Archives are read through it, so that the archive's room never sees a vault and the vault's room never an archive.
package protocol RangedSource: AnyObject, Sendable {
    /// The name for messages.
    var name: String { get }
    /// The number of bytes.
    var size: Int64 { get }
    /// Fills `buffer` from `offset` on, and says how much was there: less than asked only at the end.
    ///
    /// - Throws: the fault of the file system or the store.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int
}

/// A file as a ranged source.
package final class FileSource: RangedSource {
    private let file: File
    package let size: Int64
    package var name: String { file.path }

    package init(_ file: File) throws(Fault) {
        self.file = file
        size = try file.status().size
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int {
        try file.read(into: buffer, at: offset)
    }
}
