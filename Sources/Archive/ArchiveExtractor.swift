package import Codec
import Ledger
package import Platform

/// Takes entries out of an archive: some by the ranges of their members, or all from front to back.
package struct ArchiveExtractor {
    /// Is told of a name that could not be restored, and why.
    package typealias Failed = (_ output: ByteString, _ fault: Fault) -> Void

    let source: any RangedSource
    private let members: [ArchiveIndex.Member]
    let codec: MemberCodec
    private let library: MemberLibrary
    private let workers: Int

    /// - Parameters:
    ///   - source: the archive.
    ///   - codec: what its members are compressed with, where no index tells.
    ///   - index: its index. With it, long ranges are inflated by several threads.
    ///   - workers: how many.
    package init(
        _ source: any RangedSource, codec: MemberCodec = .gzip, index: (any RangedSource)? = nil, workers: Int = 1
    ) {
        self.source = source
        self.workers = workers
        guard let index, workers > 1 else {
            // One thread reads one member after the other: of the index the header alone matters.
            self.codec = index.flatMap { try? ArchiveIndexReader.header(of: $0) }?.codec ?? codec
            members = []
            library = .zlib
            return
        }
        // An archive that is not as long as its index says is read one member after the other, as far as it goes.
        let tables = try? ArchiveIndexReader(index, of: source).index
        members = tables?.members ?? []
        self.codec = tables?.header.codec ?? codec
        library = tables?.header.madeBy.other ?? .zlib
    }

    /// The tar in a range of whole members.
    ///
    /// Several threads give nothing of a member that is damaged; one alone, where it is not shared, gives what comes before
    /// the damage.
    private func open(_ range: Range<Int64>, isShared: Bool) throws(Fault) -> any ByteStream {
        let first = members.firstIndex(at: range.lowerBound)
        let end = members[first...].firstIndex(at: range.upperBound)
        let isWhole = first < members.count && members[first].offset == range.lowerBound
        guard isShared, isWhole, end - first >= Self.fewMembers else {
            return codec.reader(source, range: range)
        }
        return try MemberStream(
            source, members[first..<end], first: first, workers: workers, library: library)
    }

    /// From so many members on, threads are worth their start.
    private static let fewMembers = 3

    /// Extracts what is wanted, reading only the members that cover it; ranges that touch are read as one.
    ///
    /// An entry that can't be restored is told to `failed`, and keeps no other from coming back. Directories and links
    /// come from what is known of them; nothing is read for them.
    ///
    /// - Throws: `interrupted` after a signal; `noSpace`, since nothing more can be restored then.
    package func extract(_ wanted: [Wanted], to target: RestoreTarget, failed: Failed) throws(Fault) {
        for item in wanted where item.entry.kind != .file { try make(item, target, failed) }
        let sorted = wanted.filter { $0.entry.kind == .file }.sorted {
            ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }
        var start = 0
        while start < sorted.count {
            var range = sorted[start].range
            var end = start + 1
            while end < sorted.count, sorted[end].range.lowerBound <= range.upperBound {
                range = range.lowerBound..<max(range.upperBound, sorted[end].range.upperBound)
                end += 1
            }
            try extract(sorted[start..<end], range: range, isShared: true, to: target, failed)
            start = end
        }
    }

    private func make(_ item: Wanted, _ target: RestoreTarget, _ failed: Failed) throws(Fault) {
        for output in item.outputs {
            try Shutdown.check()
            do throws(Fault) {
                switch item.entry.kind {
                case .directory: try target.makeDirectory(output, item.entry)
                case .symlink: try target.makeSymlink(output, item.entry)
                default:
                    throw Fault(
                        .unsupported,
                        "\(source.name): '\(item.name)' is no file, directory or link, but of type '\(item.entry.kind.letter)'"
                    )
                }
            } catch {
                if error.endsRestore { throw error }
                failed(output, error)
            }
        }
    }

    private func extract(
        _ wanted: ArraySlice<Wanted>, range: Range<Int64>, isShared: Bool, to target: RestoreTarget, _ failed: Failed
    ) throws(Fault) {
        var missing: [ByteString: Wanted] = [:]
        for item in wanted {
            guard let other = missing.updateValue(item, forKey: item.name) else { continue }
            other.fail(Fault(.damaged, "\(source.name): '\(item.name)' is listed twice"), failed)
        }
        let fault: Fault
        do throws(Fault) {
            let stream = try open(range, isShared: isShared)
            // Whatever ended a thread has come through reading, or concerns members that nobody wants.
            defer { try? (stream as? MemberStream)?.finish() }
            let tar = try TarReader(stream)
            while !missing.isEmpty, let found = try tar.next() {
                try Shutdown.check()
                guard var item = missing[found.key] else { continue }
                do throws(Fault) { try restore(&item, found, tar, to: target, failed) } catch {
                    missing[found.key] = item
                    throw error
                }
                missing[found.key] = nil
            }
            fault = Fault(.damaged, "\(source.name): is not in the members where the index has it")
        } catch {
            if error.endsRestore { throw error }
            // What touches was read as one: a damaged member must not keep what lies in others from coming back.
            let ranges = Dictionary(grouping: missing.values, by: \.range)
            if isShared || ranges.count > 1 || ranges.keys.first.map({ $0 != range }) ?? false {
                for (own, items) in ranges.sorted(by: { $0.key.lowerBound < $1.key.lowerBound }) {
                    try extract(items[...], range: own, isShared: false, to: target, failed)
                }
                return
            }
            fault = error
        }
        for (_, item) in missing.sorted(by: { $0.key < $1.key }) { item.fail(fault, failed) }
    }

    /// Restores a file under all its names that can be made; those that are done, or told as failed, leave `item`.
    ///
    /// - Throws: what makes reading on impossible.
    private func restore(
        _ item: inout Wanted, _ found: Entry, _ tar: TarReader, to target: RestoreTarget, _ failed: Failed
    ) throws(Fault) {
        guard found.kind == .file, found.size == item.entry.size else {
            return item.fail(
                Fault(.damaged, "\(source.name): '\(item.name)' is no file of \(item.entry.size) bytes in the tar"),
                failed)
        }
        var holder: ByteString?
        var hasBegun = false
        var unreadable: Fault?
        while let output = item.outputs.first {
            do throws(Fault) {
                if let holder {
                    try target.makeHardLink(output, to: holder, size: item.entry.size, expected: item.sha256)
                } else {
                    try target.writeFile(output, item.entry, expected: item.sha256) {
                        (write: (UnsafeRawBufferPointer, Int64) throws(Fault) -> Void) throws(Fault) in
                        hasBegun = true
                        try tar.copyContent(to: write, unreadable: &unreadable)
                    }
                    holder = output
                }
            } catch {
                if error.endsRestore { throw error }
                if let unreadable { throw unreadable }
                // The content has gone by, so no other name can get it either.
                if hasBegun && holder == nil { return item.fail(error, failed) }
                failed(output, error)
            }
            item.outputs.removeFirst()
        }
    }
}

extension Collection where Element == ArchiveIndex.Member, Index == Int {
    /// The first member that begins at an offset or behind it.
    fileprivate func firstIndex(at offset: Int64) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = low + (high - low) / 2
            if self[middle].offset < offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension Fault {
    /// Whether no other entry can be restored either.
    var endsRestore: Bool { code == .interrupted || code == .noSpace }
}
