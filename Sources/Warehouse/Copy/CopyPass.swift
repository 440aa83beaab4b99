import AWS
package import Ledger
package import Platform

/// One pass over a manifest that copies the rows it is given, many at once, and notes each in the manifest's order.
package struct CopyPass: Sendable {
    private let copier: ObjectCopier
    private let keys: DestinationKeys
    private let places: CopyPlaces
    private let uploads: LargeCopies
    private let threads: Int
    private let storageClass: String?

    /// More generations than this mean that something is wrong, not that a run was repeated.
    private static let generations = 100
    /// After so many failures, more than have gone well, the next will fail, too.
    private static let mostFailures: Int64 = 100

    /// - Parameters:
    ///   - copier: from the source to the bucket of all copies.
    ///   - keys: of the run.
    ///   - places: where objects are.
    ///   - uploads: remembers copies in parts.
    ///   - threads: copies at once.
    ///   - storageClass: of copies of content; nothing for what the manifest says.
    package init(
        _ copier: ObjectCopier, _ keys: DestinationKeys, _ places: CopyPlaces, uploads: LargeCopies, threads: Int,
        storageClass: String? = nil
    ) {
        self.copier = copier
        self.keys = keys
        self.places = places
        self.uploads = uploads
        self.threads = max(1, threads)
        self.storageClass = storageClass
    }

    private struct Task: Sendable {
        let number: Int
        let row: Manifest.Row
        /// What an earlier attempt noted.
        let known: CopyJournal.Row?
    }

    private struct Result: Sendable {
        let size: Int64
        var note: CopyJournal.Row
        /// Whether this attempt has made the copy.
        var isNew = false
        var fault: Fault?
    }

    /// Whether a row is one that its run has taken, and not carried or skipped.
    package static func isTaken(_ row: Manifest.Row, by run: CivilDate) -> Bool {
        !row.object.isEmpty && !row.flags.contains(.skipped) && row.run == run.description
    }

    /// Copies rows.
    ///
    /// - Parameters:
    ///   - open: opens the manifest.
    ///   - selects: whether a row is one of this pass.
    ///   - journal: what earlier attempts noted, and where this one notes.
    ///   - progress: told the bytes of each row that is done.
    /// - Returns: what came of them; a row that failed keeps no other from being copied.
    /// - Throws: `interrupted`; `tryLater` outside of a window; what keeps all from being copied; what can't be noted.
    package func run(
        _ open: @escaping @Sendable () throws(Fault) -> ManifestReader,
        selecting selects: @escaping @Sendable (Manifest.Row) -> Bool, journal: CopyJournal,
        progress: (Int64) -> Void = { _ in }
    ) throws(Fault) -> CopyTotals {
        let window = OrderedWindow<Result>(capacity: threads * 4)
        let queue = BoundedQueue<Task>(capacity: threads * 2)
        let crew = ThreadCrew {
            queue.cancel()
            window.abandon()
        }
        let earlier = Handed(try journal.reader())
        try crew.start("copy-plan") {
            let manifest = try open()
            while let row = try manifest.next() {
                guard selects(row) else { continue }
                let known = try earlier.value.row(for: row.entry.key)
                guard let number = window.admit(), queue.push(Task(number: number, row: row, known: known)) else {
                    return
                }
            }
            window.finish()
            queue.close()
        }
        for number in 0..<threads {
            try crew.start("copy-\(number)") {
                while let task = queue.pop() {
                    try Shutdown.check()
                    window.deliver(try result(of: task), for: task.number)
                }
            }
        }
        var totals = CopyTotals()
        var fault: Fault?
        while let result = window.take() {
            do throws(Fault) {
                try journal.write(result.note)
                try Self.count(result, in: &totals)
                progress(result.size)
            } catch {
                fault = fault ?? error
                crew.failed(error)
            }
        }
        // What was copied is noted even where something stops the rest.
        var unnoted: Fault?
        do throws(Fault) { try journal.finish() } catch { unnoted = error }
        try crew.join()
        if let fault = fault ?? unnoted { throw fault }
        return totals
    }

    private static func count(_ result: Result, in totals: inout CopyTotals) throws(Fault) {
        switch result.note.state {
        case .copied where result.isNew: totals.copied.add(result.size)
        case .copied: totals.adopted.add(result.size)
        case .vanished: totals.vanished.add(result.size)
        case .archived: totals.archived.add(result.size)
        case .changed:
            totals.changed.add(result.size)
            if isHint(result.note.key) {
                totals.changedHints.add(result.size)
            } else {
                totals.firstChange = totals.firstChange ?? result.note.key.description
            }
        case .failed:
            totals.failed.add(result.size)
            totals.firstFailure = totals.firstFailure ?? "'\(result.note.key)': \(result.note.object)"
            let well = totals.copied.objects + totals.adopted.objects
            if let fault = result.fault, totals.failed.objects >= mostFailures, totals.failed.objects > well {
                throw fault.within("\(totals.failed.objects) objects could not be copied, the last one")
            }
        }
    }

    /// The file of a Delta table that each commit with a checkpoint replaces, and that readers do without.
    private static func isHint(_ key: ByteString) -> Bool {
        key.bytes.suffix(hint.count).elementsEqual(hint)
    }
    private static let hint = Array("_delta_log/_last_checkpoint".utf8)

    private func result(of task: Task) throws(Fault) -> Result {
        do throws(Fault) {
            if let known = task.known, known.state == .copied, known.source == task.row.entry.etag,
                try isThere(known, task.row)
            {
                return Result(size: task.row.entry.size, note: known)
            }
            return try copy(task.row)
        } catch {
            // Not of this object alone.
            if error.code == .interrupted || error.code == .tryLater { throw error }
            let note = CopyJournal.Row(
                key: task.row.entry.key, state: .failed, object: ByteString(error.description),
                source: task.row.entry.etag)
            return Result(size: task.row.entry.size, note: note, fault: error)
        }
    }

    /// Whether what an earlier attempt noted is so still.
    private func isThere(_ known: CopyJournal.Row, _ row: Manifest.Row) throws(Fault) -> Bool {
        let (client, key) = try places.place(known.object)
        guard let there = try client.head(key) else { return false }
        return there.size == row.entry.size && (known.etag.isEmpty || there.etag == known.etag)
    }

    private func copy(_ row: Manifest.Row) throws(Fault) -> Result {
        let entry = row.entry
        let isLog = DestinationKeys.isLog(entry.key)
        let item = CopyItem(
            key: entry.key, size: entry.size, etag: entry.etag, version: entry.version,
            storageClass: isLog ? row.storageClass : storageClass ?? row.storageClass)
        for generation in 1...Self.generations {
            let object = keys.generation(generation, of: ByteString(row.object))
            let outcome = try copier.copy(item, to: try places.place(object).key, uploads: uploads)
            func result(_ state: CopyJournal.Row.State, etag: String = "", isNew: Bool = false) -> Result {
                let place = state == .copied ? object : ByteString()
                return Result(
                    size: entry.size,
                    note: CopyJournal.Row(
                        key: entry.key, state: state, object: place, etag: etag, source: entry.etag),
                    isNew: isNew)
            }
            switch outcome {
            case .copied(let etag): return result(.copied, etag: etag, isNew: true)
            case .adopted(let etag): return result(.copied, etag: etag)
            case .vanished: return result(.vanished)
            case .archived: return result(.archived)
            case .changed: return result(.changed)
            case .taken: continue
            }
        }
        throw Fault(.limit, "\(row.object): has \(Self.generations) generations already")
    }
}
