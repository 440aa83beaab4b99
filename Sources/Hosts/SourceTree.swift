package import Ledger
package import Platform

/// A tree of files on one host, wherever it is: mounted here, or behind a connection.
///
/// A tree is read in two ways at once: one thread walks the ``inventory()``, several others open what it gave. Only the
/// codes `notFound`, `permission`, `changed`, `io`, `damaged` and `unsupported` of a fault concern one entry, which is
/// skipped then; any other code (the mount is gone, the connection is lost, a limit is reached) ends the unit, so that a
/// tree that went away never looks like one whose entries did. A fault names the path, since it becomes a warning.
package protocol SourceTree: Sendable {
    /// The name for messages: what stands before the key of an entry.
    var name: String { get }

    var capabilities: TreeCapabilities { get }

    /// Starts a walk of the whole tree.
    func inventory() throws(Fault) -> TreeInventory

    /// Says that the entry will most likely be opened soon, so that a distant tree can fetch ahead.
    ///
    /// Called in the order of the keys. An announced entry that is never opened is one of a run that ends.
    func announce(_ entry: TreeEntry)

    /// Opens the content of a regular file.
    ///
    /// - Throws: `changed` when the name is no regular file any more.
    func open(_ entry: TreeEntry) throws(Fault) -> any SourceFile

    /// Looks at one name, as the walk does; hard links are not told from files here.
    ///
    /// - Throws: `notFound` when there is nothing of that name.
    func look(at key: ByteString) throws(Fault) -> TreeEntry
}

extension SourceTree {
    package func announce(_ entry: TreeEntry) {}
}

/// Gives the entries of a tree in the byte order of their keys, then nothing.
package typealias TreeInventory = () throws(Fault) -> TreeEntry?

/// What a kind of tree can tell; the contract suite of the tests has a case for each, with it and without.
///
/// Extended attributes and ACLs no kind tells: files are kept without, and nothing warns.
package struct TreeCapabilities: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Times have whole seconds only; times are compared so when either side has this.
    package static let wholeSeconds = TreeCapabilities(rawValue: 1)
    /// Entries carry the identity of their file, so hard links and replaced files are seen; without it each name is a file
    /// of its own, and a file is replaced when its size or time is another.
    package static let inodes = TreeCapabilities(rawValue: 2)
    /// Holes of sparse files are seen; without it they arrive as zeros.
    package static let holes = TreeCapabilities(rawValue: 4)
}

/// An open file of a tree, for one thread.
package protocol SourceFile: AnyObject {
    /// The status of the open file, which may not be the one the name has now.
    func status() throws(Fault) -> SourceStatus

    /// Reads at `offset`, at most the size of `buffer`; 0 at the end of the file.
    ///
    /// Offsets only grow while a file is open, and skip nothing but holes.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Fault) -> Int

    /// Bytes at `offset` where they lie already, at most `count`; nothing where they have to be read.
    ///
    /// They hold until the next call of this or of ``read(into:at:)``. Offsets grow as there; none are the end of the file.
    func view(at offset: Int64, count: Int) throws(Fault) -> UnsafeRawBufferPointer?

    /// The ranges that hold data, in order; the whole file where holes can't be seen.
    ///
    /// - Parameter size: where the file ends for the caller.
    /// - Returns: ranges below `size`, none of them empty; none at all for one hole.
    /// - Throws: the fault of the tree.
    func dataRanges(size: Int64) throws(Fault) -> [Range<Int64>]

    /// The file itself, if it lies on this machine: its blocks may be shared instead of copied.
    var localFile: File? { get }

    /// Ends the reading. Nothing was written, so there is nothing that could fail.
    func close()
}

extension SourceFile {
    package func view(at offset: Int64, count: Int) throws(Fault) -> UnsafeRawBufferPointer? { nil }
}

/// Which file an entry is a name of.
package struct FileIdentity: Hashable, Sendable {
    package let device: UInt64
    package let inode: UInt64

    package init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }
}

/// What a tree tells of an open file.
package struct SourceStatus: Sendable, Equatable {
    package var kind: EntryKind
    package var size: Int64
    package var modified: Timestamp
    /// Permission bits with setuid, setgid and sticky.
    package var mode: UInt32
    package var uid: UInt32
    package var gid: UInt32
    /// Nothing where the tree has no inodes.
    package var identity: FileIdentity?
    /// Bytes allocated on disk; nothing where the tree can't see holes.
    package var allocated: Int64?

    package init(
        kind: EntryKind, size: Int64, modified: Timestamp, mode: UInt32, uid: UInt32, gid: UInt32,
        identity: FileIdentity? = nil, allocated: Int64? = nil
    ) {
        self.kind = kind
        self.size = size
        self.modified = modified
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.identity = identity
        self.allocated = allocated
    }
}
