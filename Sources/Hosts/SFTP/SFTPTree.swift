import Ledger
package import Platform
package import Settings

/// A tree behind SSH, read through the host's SFTP server.
///
/// SFTP version 3 has whole seconds, no inodes and no holes: a replaced file is seen by size and time, hard links are
/// files of their own, and holes arrive as zeros.
package final class SFTPTree: SourceTree {
    /// How a host is read.
    package struct Options: Sendable {
        package var ssh = SSHSettings()
        package var limits = TreeLimits()
        /// Connections to the host.
        package var streams = 1
        /// Bytes that may be under way for the host, small files that wait and pieces of large ones together.
        package var window = 8 << 20
        package var rate: RateLimit?
        /// Keys of files that are no part of the tree.
        package var ignored: [ByteString] = []
        /// The ssh to run.
        package var program = "ssh"

        package init() {}
    }

    package let name: String
    package let capabilities: TreeCapabilities = [.wholeSeconds]
    private let top: ByteString
    private let limits: TreeLimits
    private let ignored: Set<ByteString>
    private let streams: SFTPStreams
    private let queue: SFTPFetchQueue
    private let fileWindow: Int
    private let received = Counter()

    /// The largest file that is fetched before it is opened.
    private static let largestFetch: Int64 = 1 << 20

    /// Connects to a host.
    ///
    /// - Parameters:
    ///   - host: the host's name.
    ///   - path: the top of the tree there; absolute, or below the account's home.
    ///   - options: how the host is read.
    /// - Throws: `unreachable` when there is no connection, with ssh's words; `notFound` when there is no such directory.
    package convenience init(_ host: String, _ path: String, _ options: Options) throws(Fault) {
        self.init(
            try SFTPStreams(most: options.streams) { () throws(Fault) in
                try SSHConnection(host, options.ssh, program: options.program, rate: options.rate)
            }, host, path, options)
    }

    init(_ streams: SFTPStreams, _ host: String, _ path: String, _ options: Options) {
        self.streams = streams
        let plain = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        name = "\(host):\(plain)"
        top = plain == "/" ? "/" : ByteString(plain + "/")
        limits = options.limits
        // As in a mounted tree: what belongs to the file system, which only root may read, or to this project.
        ignored = Set(options.ignored + [MountGuard.name, "lost+found/"])
        fileWindow = max(256 << 10, options.window / 4)
        queue = SFTPFetchQueue(window: options.window / 2, files: streams.first.limits.handles / 2)
    }

    deinit { close() }

    /// Ends the connections.
    package func close() { streams.close() }

    package func inventory() throws(Fault) -> TreeInventory {
        let walk: SFTPWalk
        do { walk = try SFTPWalk(streams.first, top: top, limits: limits, ignoring: ignored) } catch {
            guard error.code == .notFound else { throw error }
            throw error.hinting("Check the job's `path`: has the directory of this date been written yet?")
        }
        return { [self] () throws(Fault) -> TreeEntry? in
            guard var entry = try walk.next() else { return nil }
            guard entry.entry.kind == .file, entry.fault == nil else { return entry }
            let session = streams.next()
            entry.locator = SFTPLocator(
                session,
                entry.entry.size <= Self.largestFetch
                    ? SFTPFetch(session, top + entry.entry.key, SourceStatus(entry.entry)) : nil)
            return entry
        }
    }

    package func announce(_ entry: TreeEntry) {
        if let fetch = (entry.locator as? SFTPLocator)?.fetch { queue.add(fetch) }
    }

    package func open(_ entry: TreeEntry) throws(Fault) -> any SourceFile {
        guard let locator = entry.locator as? SFTPLocator else {
            preconditionFailure("an entry is opened by the tree that gave it")
        }
        if let fetch = locator.fetch, let outcome = queue.take(fetch) {
            switch outcome {
            case .content(let bytes, let status):
                try count(bytes.count)
                return SFTPFetchedFile(bytes, status) { [queue] in queue.release(fetch) }
            case .changed: queue.release(fetch)
            case .failed(let fault):
                queue.release(fetch)
                throw fault
            }
        }
        let path = top + entry.entry.key
        let file = try SFTPFile(locator.session, path, window: fileWindow) { [self] (bytes: Int) throws(Fault) in
            try count(bytes)
        }
        // An open follows a link that took the file's place; what it leads to is not of this tree.
        let now = try look(path, locator.session)
        guard now.kind == .file else {
            throw Fault(.changed, "\(locator.session.host):\(path): is no regular file any more")
        }
        return file
    }

    /// Counts bytes of content.
    private func count(_ bytes: Int) throws(Fault) {
        received.add(Int64(bytes))
        guard received.value <= limits.bytes else {
            throw Fault(.limit, "\(name): more than \(limits.bytes) bytes in one tree")
        }
    }

    package func look(at key: ByteString) throws(Fault) -> TreeEntry {
        let path = top + key
        let session = streams.first
        let attributes = try look(path, session)
        let status = try attributes.status("\(session.host):\(path)")
        var now = TreeEntry(
            Entry(
                key: key, kind: status.kind, size: status.kind == .file ? status.size : 0,
                modified: status.modified, mode: status.mode, uid: status.uid, gid: status.gid),
            locator: SFTPLocator(session, nil))
        if status.kind == .symlink {
            now.entry.link = try session.wait({ (reply) throws(Fault) -> ByteString in
                guard case .names(1, var decoder) = reply else {
                    throw reply.fault("read link", "\(session.host):\(path)")
                }
                return ByteString(try decoder.string())
            }) { session.send(.readLink, path: path, $0) }
        }
        return now
    }

    private func look(_ path: ByteString, _ session: SFTPSession) throws(Fault) -> SFTPAttributes {
        try session.wait({ (reply) throws(Fault) -> SFTPAttributes in
            guard case .attributes(let attributes) = reply else {
                throw reply.fault("stat", "\(session.host):\(path)")
            }
            return attributes
        }) { session.send(.lstat, path: path, $0) }
    }
}

/// How an entry is opened.
private final class SFTPLocator: Sendable {
    let session: SFTPSession
    let fetch: SFTPFetch?

    init(_ session: SFTPSession, _ fetch: SFTPFetch?) {
        self.session = session
        self.fetch = fetch
    }
}

extension SourceStatus {
    fileprivate init(_ entry: Entry) {
        self.init(
            kind: entry.kind, size: entry.size, modified: entry.modified, mode: entry.mode, uid: entry.uid,
            gid: entry.gid)
    }
}
