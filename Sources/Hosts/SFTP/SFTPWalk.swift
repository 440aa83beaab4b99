import Ledger
import Platform

/// The walk of a distant tree: entries in the byte order of their paths, listings of the directories to come under way.
///
/// It belongs to one thread; only ``Shared`` is touched by the session's.
final class SFTPWalk {
    /// What the directories of one walk share.
    final class Shared: Sendable {
        let session: SFTPSession
        let host: String
        let limits: TreeLimits
        private let top: ByteString
        private let state = Monitor(State())

        private struct State {
            /// Directories that are read and not walked yet, and the rows in them.
            var finished: Set<ObjectIdentifier> = []
            var rows = 0
            /// Directories that have been asked for and are not read yet.
            var underWay = 0
            var entries = 0
        }

        init(_ session: SFTPSession, top: ByteString, limits: TreeLimits) {
            self.session = session
            host = session.host
            self.top = top
            self.limits = limits
        }

        func path(of key: ByteString) -> ByteString { top + key }

        /// Counts entries of the tree.
        func count(_ entries: Int) throws(Fault) {
            let all = state.with { state in
                state.entries += entries
                return state.entries
            }
            // Each directory lists itself and the one above it too.
            guard all <= 3 * limits.entries else {
                throw Fault(.limit, "more than \(limits.entries) entries in one tree")
            }
        }

        /// Notes a request, if there is room for one.
        func admit() -> Bool {
            state.with { state in
                guard state.underWay < SFTPWalk.directoriesUnderWay, state.finished.count < SFTPWalk.directoriesAhead,
                    state.rows < SFTPWalk.rowsAhead
                else { return false }
                state.underWay += 1
                return true
            }
        }

        /// Notes the request of a directory that the walk has come to.
        func admitNow() { state.with { $0.underWay += 1 } }

        func finished(_ directory: SFTPDirectory, rows: Int) {
            state.change { state in
                state.finished.insert(ObjectIdentifier(directory))
                state.underWay -= 1
                state.rows += rows
            }
        }

        /// Waits for a directory and takes it out of what lies ahead.
        func take(_ directory: SFTPDirectory) throws(Fault) -> (SFTPListing, SFTPDirectory.Below) {
            state.wait(wakes: false) { state in
                state.finished.remove(ObjectIdentifier(directory)).map { _ in () }
            }
            let taken = try directory.take()
            state.with { $0.rows -= taken.0.count }
            return taken
        }
    }

    /// A directory that is being walked.
    private final class Level {
        let directory: SFTPDirectory
        let listing: SFTPListing
        var below: SFTPDirectory.Below
        var next = 0

        init(_ directory: SFTPDirectory, _ taken: (listing: SFTPListing, below: SFTPDirectory.Below)) {
            self.directory = directory
            (listing, below) = taken
        }
    }

    /// How many directories are asked for at once before the walk gets there, how many may wait for it, and how many rows
    /// in them.
    fileprivate static let directoriesUnderWay = 64
    fileprivate static let directoriesAhead = 1_024
    fileprivate static let rowsAhead = 20_000

    private let shared: Shared
    private let ignored: Set<ByteString>
    private var levels: [Level] = []
    private var entries = 0

    /// Starts at the top.
    ///
    /// - Throws: why the top can't be listed.
    init(_ session: SFTPSession, top: ByteString, limits: TreeLimits, ignoring ignored: Set<ByteString>) throws(Fault) {
        shared = Shared(session, top: top, limits: limits)
        self.ignored = ignored
        let directory = SFTPDirectory(ByteString(), depth: 1, shared)
        shared.admitNow()
        directory.request()
        levels.append(Level(directory, try shared.take(directory)))
        askAhead()
    }

    /// The next entry, or nothing at the end.
    func next() throws(Fault) -> TreeEntry? {
        while let level = levels.last {
            guard level.next < level.listing.count else {
                levels.removeLast()
                continue
            }
            let row = level.next
            level.next += 1
            let key = level.directory.path + ByteString(level.listing.name(row))
            if ignored.contains(key) { continue }
            entries += 1
            guard entries <= shared.limits.entries else {
                throw Fault(.limit, "\(shared.host): more than \(shared.limits.entries) entries in one tree")
            }
            let attributes = level.listing.rows[row].attributes
            let kind = attributes.kind
            var link = ByteString()
            switch level.listing.rows[row].link {
            case let index where index >= 0:
                switch level.listing.links[Int(index)] {
                case .success(let target): link = target
                case .failure(let fault): return TreeEntry(unknown: key, fault)
                }
            default: break
            }
            let status = try attributes.status("\(shared.host):\(shared.path(of: key))")
            var entry = TreeEntry(
                Entry(
                    key: key, kind: kind, size: kind == .file ? status.size : 0, modified: status.modified,
                    mode: status.mode, uid: status.uid, gid: status.gid, link: link))
            if kind == .directory { entry.fault = try enter(key, level, row) }
            return entry
        }
        return nil
    }

    /// Goes down into a directory.
    ///
    /// - Returns: why it can't be listed, where that concerns it alone.
    private func enter(_ key: ByteString, _ level: Level, _ row: Int) throws(Fault) -> Fault? {
        guard level.directory.depth < shared.limits.depth else {
            throw Fault(
                .limit, "\(shared.host):\(shared.path(of: key)): more than \(shared.limits.depth) directories deep",
                hint: "A directory that is mounted inside itself looks like that.")
        }
        let directory: SFTPDirectory
        if let known = level.below.directories.removeValue(forKey: row) {
            directory = known
        } else {
            directory = SFTPDirectory(key, depth: level.directory.depth + 1, shared)
            shared.admitNow()
            directory.request()
        }
        defer { askAhead() }
        do { levels.append(Level(directory, try shared.take(directory))) } catch {
            guard error.skipReason != nil else { throw error }
            return error
        }
        return nil
    }

    /// Asks for the directories that come next, as far as there is room: the walk's own order, deepest level first.
    private func askAhead() {
        for level in levels.reversed() {
            level.directory.askAhead(in: level.listing, &level.below, from: level.next)
        }
    }
}
