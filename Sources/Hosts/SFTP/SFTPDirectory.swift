import Ledger
import Platform

/// A directory of a distant tree on its way: asked for, read, then walked.
///
/// Requests go out as soon as it is asked for; the replies come on the session's thread.
final class SFTPDirectory: Sendable {
    /// The path below the top, with a slash at its end; empty for the top.
    let path: ByteString
    let depth: Int
    /// Where the walk waits, and what bounds it.
    private let walk: SFTPWalk.Shared
    private let state: Monitor<State>

    private struct State {
        var handle: ByteString?
        var listing = SFTPListing()
        var fault: Fault?
        /// Reads of the directory that are under way, and how many may be.
        var reads = 0
        var width = 2
        var isAtEnd = false
        /// Rows of which more must be asked, and the requests for it that are under way.
        var open: [Int] = []
        var questions = 0
        var below = Below()
    }

    /// What has been asked for of the directories below, before the walk is here.
    struct Below {
        /// By row.
        var directories: [Int: SFTPDirectory] = [:]
        /// Rows before this one have been asked for if they are directories.
        var asked = 0
    }

    /// Requests that one directory may have under way.
    private static let greatestWidth = 32
    private static let questionsAtOnce = 256

    init(_ path: ByteString, depth: Int, _ walk: SFTPWalk.Shared) {
        self.path = path
        self.depth = depth
        self.walk = walk
        state = Monitor(State())
    }

    private var fullPath: ByteString { walk.path(of: path) }

    /// Asks for the listing.
    func request() {
        walk.session.send(.openDirectory, path: fullPath) { [self] reply in
            guard case .handle(let handle) = reply else { return finish(reply.fault("list", name)) }
            state.with { state in
                state.handle = handle
                state.reads = 1
            }
            readOn(handle)
        }
    }

    private var name: String { "\(walk.host):\(fullPath)" }

    private func readOn(_ handle: ByteString) {
        walk.session.send(.readDirectory, handle: handle) { [self] reply in took(reply, handle) }
    }

    /// Takes a piece of the listing and asks for more: twice as many pieces at once each time, as long as there are any.
    private func took(_ reply: SFTPReply, _ handle: ByteString) {
        let more = state.with { state -> Int in
            state.reads -= 1
            switch reply {
            case .names(let count, var decoder):
                if state.fault == nil {
                    do throws(Fault) { try add(count, &decoder, to: &state) } catch { state.fault = error.within(name) }
                }
            case .status(SFTPMessage.Status.endOfFile, _): state.isAtEnd = true
            default: if state.fault == nil { state.fault = reply.fault("list", name) }
            }
            guard !state.isAtEnd, state.fault == nil else { return 0 }
            let more = state.width - state.reads
            state.width = min(Self.greatestWidth, 2 * state.width)
            state.reads += more
            return more
        }
        for _ in 0..<more { readOn(handle) }
        let (isRead, fault) = state.with { ($0.reads == 0, $0.fault) }
        guard isRead else { return }
        walk.session.close(handle)
        if let fault { return finish(fault) }
        state.with { state in
            state.open = state.listing.rows.indices.filter {
                let row = state.listing.rows[$0]
                return row.attributes.kind == .symlink || !row.attributes.given.isSuperset(of: SFTPAttributes.needed)
            }
        }
        askOn()
    }

    private func add(_ count: UInt32, _ decoder: inout SFTPDecoder, to state: inout State) throws(Fault) {
        guard count > 0 else { throw Fault(.damaged, "an empty piece of a listing") }
        for _ in 0..<count {
            let name = try decoder.string()
            _ = try decoder.string()
            let attributes = try SFTPAttributes(&decoder)
            try state.listing.add(name, attributes, limits: walk.limits)
        }
        try walk.count(Int(count))
    }

    // MARK: What a listing does not tell

    /// Asks where links point, and for what the server left out.
    private func askOn() {
        let (questions, isDone) = state.with { state -> ([(row: Int, path: ByteString, isLink: Bool)], Bool) in
            var questions: [(row: Int, path: ByteString, isLink: Bool)] = []
            while state.questions < Self.questionsAtOnce, let row = state.open.popLast() {
                state.questions += 1
                let isLink = state.listing.rows[row].attributes.kind == .symlink
                questions.append((row, fullPath + ByteString(state.listing.plainName(row)), isLink))
            }
            return (questions, state.questions == 0 && state.open.isEmpty)
        }
        for (row, path, isLink) in questions {
            walk.session.send(isLink ? .readLink : .lstat, path: path) { [self] reply in
                settle(row, path, isLink, reply)
            }
        }
        if isDone { finish(nil) }
    }

    private func settle(_ row: Int, _ path: ByteString, _ isLink: Bool, _ reply: SFTPReply) {
        state.with { state in
            state.questions -= 1
            let operation = isLink ? "read link" : "stat"
            switch reply {
            case .names(1, var decoder) where isLink:
                if let target = try? decoder.string() {
                    state.listing.settle(row, link: .success(ByteString(target)))
                } else {
                    state.fault = Fault(.damaged, "\(walk.host):\(path): a link without a target")
                }
            case .attributes(let attributes) where !isLink:
                state.listing.settle(row, attributes)
                if attributes.kind == .symlink { state.open.append(row) }
            default:
                let fault = reply.fault(operation, "\(walk.host):\(path)")
                if fault.skipReason == nil {
                    state.fault = fault
                } else {
                    state.listing.settle(row, link: .failure(fault))
                }
            }
        }
        askOn()
    }

    private func finish(_ fault: Fault?) {
        let rows = state.with { state -> Int in
            if state.fault == nil { state.fault = fault }
            if state.fault != nil { state.listing = SFTPListing() } else { state.listing.sort() }
            return state.listing.count
        }
        // The directories below come next in the walk: a deep tree must not cost a round trip for each of its levels.
        let below = state.with { state in
            askAhead(state.listing, &state.below, from: 0)
            return state.below.directories.values
        }
        for directory in below { directory.request() }
        walk.finished(self, rows: rows)
    }

    /// Makes directories to ask for, as far as there is room.
    private func askAhead(_ listing: SFTPListing, _ below: inout Below, from first: Int) {
        guard depth < walk.limits.depth else { return }
        below.asked = max(below.asked, first)
        while below.asked < listing.count {
            let row = below.asked
            if listing.rows[row].attributes.kind == .directory {
                guard walk.admit() else { return }
                below.directories[row] = SFTPDirectory(
                    path + ByteString(listing.name(row)), depth: depth + 1, walk)
            }
            below.asked += 1
        }
    }

    /// Asks for further directories below, once this one is being walked.
    ///
    /// - Parameters:
    ///   - listing: that of this directory.
    ///   - below: what was asked for before; what is asked for now is added.
    ///   - first: the row that the walk has come to.
    func askAhead(in listing: SFTPListing, _ below: inout Below, from first: Int) {
        let known = below.asked
        askAhead(listing, &below, from: first)
        for (row, directory) in below.directories where row >= known { directory.request() }
    }

    /// The listing, once ``SFTPWalk/Shared`` knows the directory as finished, and what was asked for below.
    ///
    /// - Throws: why there is none.
    func take() throws(Fault) -> (SFTPListing, Below) {
        let (listing, below, fault) = state.with { state -> (SFTPListing, Below, Fault?) in
            defer { (state.listing, state.below) = (SFTPListing(), Below()) }
            return (state.listing, state.below, state.fault)
        }
        if let fault { throw fault }
        return (listing, below)
    }
}
