import Ledger
import Platform

/// Finds the staging directory of one key after the other, keeping the directories on the way open.
///
/// Keys come mostly in order, so that a file costs no more than its own creation. At most ``keptLevels`` descriptors
/// are held; what lies deeper is opened anew when the directory changes.
struct StagingCursor {
    private static let keptLevels = 32

    private let top: Directory
    private var levels: [(name: ByteString, directory: Directory)] = []
    /// The part of the key up to the last slash, and its directory.
    private var parentKey: [UInt8] = []
    private var parent: Directory

    init(_ top: Directory) {
        self.top = top
        parent = top
    }

    /// The directory and the name under which the content of `key` is staged.
    ///
    /// Missing directories are made.
    mutating func place(_ key: ByteString) throws(Fault) -> (directory: Directory, name: ByteString) {
        let bytes = key.bytes
        let start = bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        if !bytes[..<start].elementsEqual(parentKey) {
            parentKey = []
            parent = try descend(StagedPath.components(of: ByteString(bytes: Array(bytes[..<start]))))
            parentKey = Array(bytes[..<start])
        }
        guard let name = StagedPath.components(of: ByteString(bytes: Array(bytes[start...]))).first else {
            throw Fault(.damaged, "'\(key)' is no path of a file")
        }
        return (parent, name)
    }

    private mutating func descend(_ components: [ByteString]) throws(Fault) -> Directory {
        var common = 0
        while common < min(levels.count, components.count), levels[common].name == components[common] { common += 1 }
        levels.removeLast(levels.count - common)
        var current = levels.last?.directory ?? top
        // An early failure leaves the top, whose key is empty, as the place that is known.
        parent = top
        for component in components[common...] {
            current = try current.descendCreating([component])
            if levels.count < StagingCursor.keptLevels { levels.append((component, current)) }
        }
        return current
    }
}
