import Ledger
package import Platform

/// The collected content of one host on staging, opened by key.
///
/// Keys come in order, so the directory of the last one is kept open: a small file costs one open.
package final class StagedTree {
    private let root: Directory
    private var parentKey: ArraySlice<UInt8> = []
    private var parent: Directory

    package init(_ root: Directory) {
        self.root = root
        parent = root
    }

    /// Opens the content of a file.
    ///
    /// - Throws: `notFound` when staging does not have what the entry list says.
    package func open(_ key: ByteString) throws(Fault) -> File {
        let slash = key.bytes.lastIndex(of: UInt8(ascii: "/")) ?? -1
        let above = key.bytes[..<(slash + 1)]
        if above != parentKey {
            parent = try root.descend(StagedPath.components(of: ByteString(above)))
            parentKey = above
        }
        let name = StagedPath.components(of: ByteString(key.bytes[(slash + 1)...]))
        guard let name = name.first else { throw Fault(.notFound, "\(root.path): '\(key)' names no file") }
        return try parent.openFile(name)
    }
}
