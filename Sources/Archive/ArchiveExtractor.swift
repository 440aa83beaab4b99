package import Codec
package import Ledger
package import Platform

/// Takes entries out of an archive: some by the ranges of their members, or all from front to back.
package struct ArchiveExtractor {
    /// One entry that is wanted.
    package struct Wanted: Sendable {
        /// The name inside the tar.
        package var name: ByteString
        /// The compressed range of the members that cover it.
        package var range: Range<Int64>
        package var sha256: Digest256?
        /// The entry with the metadata to restore, and the names under which to restore it; the first gets the content,
        /// the others become hard links to it.
        package var entry: Entry
        package var outputs: [ByteString]

        package init(
            name: ByteString, range: Range<Int64>, sha256: Digest256?, entry: Entry, outputs: [ByteString]
        ) {
            self.name = name
            self.range = range
            self.sha256 = sha256
            self.entry = entry
            self.outputs = outputs
        }
    }

    private let source: any RangedSource

    package init(_ source: any RangedSource) { self.source = source }

    /// Extracts what is wanted, reading only the members that cover it; ranges that touch are read as one.
    ///
    /// - Throws: `damaged` when an entry is not where the index says, or not what it says.
    package func extract(_ wanted: [Wanted], to target: RestoreTarget) throws(Fault) {
        let sorted = wanted.sorted {
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
            try extract(sorted[start..<end], range: range, to: target)
            start = end
        }
    }

    private func extract(_ wanted: ArraySlice<Wanted>, range: Range<Int64>, to target: RestoreTarget) throws(Fault) {
        var missing: [ByteString: Wanted] = [:]
        for item in wanted {
            if let other = missing[item.name] {
                guard item.entry.kind == .directory else {
                    throw Fault(.damaged, "\(source.name): '\(item.name)' is listed twice")
                }
                _ = other
            }
            missing[item.name] = item
        }
        let tar = try TarReader(GzipReader(source, range: range))
        while !missing.isEmpty, let found = try tar.next() {
            try Shutdown.check()
            guard let item = missing.removeValue(forKey: found.key) else { continue }
            try restore(item, found, tar, to: target)
        }
        if let item = missing.values.first {
            throw Fault(.damaged, "\(source.name): '\(item.name)' is not in the members where the index has it")
        }
    }

    private func restore(_ item: Wanted, _ found: Entry, _ tar: TarReader, to target: RestoreTarget) throws(Fault) {
        guard let first = item.outputs.first else { return }
        switch item.entry.kind {
        case .directory: try target.makeDirectory(first, item.entry)
        case .symlink: try target.makeSymlink(first, item.entry)
        default:
            guard found.kind == .file, found.size == item.entry.size else {
                throw Fault(
                    .damaged, "\(source.name): '\(item.name)' is no file of \(item.entry.size) bytes in the tar")
            }
            try target.writeFile(first, item.entry, expected: item.sha256) {
                (piece: (UnsafeRawBufferPointer, Int64) throws(Fault) -> Void) throws(Fault) in
                try tar.readContent(piece)
            }
            for other in item.outputs.dropFirst() { try target.makeHardLink(other, to: first) }
        }
    }

    /// Extracts every entry in the order of the tar, as stock tar does; with an index, each is checked against it.
    package func extractAll(index: ArchiveIndexReader?, to target: RestoreTarget) throws(Fault) -> [String] {
        var skipped: [String] = []
        let tar = try TarReader(GzipReader(source))
        while let found = try tar.next() {
            try Shutdown.check()
            let row = try index?.next()
            if index != nil {
                guard let row, row.entry.key == found.key else {
                    throw Fault(
                        .damaged,
                        "\(source.name): the tar has '\(found.key)' where the index has '\(row?.entry.key.description ?? "its end")'"
                    )
                }
            }
            switch found.kind {
            case .directory: try target.makeDirectory(found.key, found)
            case .symlink: try target.makeSymlink(found.key, found)
            case .hardLink: try target.makeHardLink(found.key, to: found.link)
            case .file:
                try target.writeFile(found.key, found, expected: row?.sha256) {
                    (piece: (UnsafeRawBufferPointer, Int64) throws(Fault) -> Void) throws(Fault) in
                    try tar.readContent(piece)
                }
            case .fifo, .socket, .blockDevice, .characterDevice, .unknown:
                skipped.append("\(found.key): \(found.kind.skipReason ?? "unknown-type")")
            }
        }
        if let index, let row = try index.next() {
            throw Fault(.damaged, "\(source.name): ends before '\(row.entry.key)', which the index lists")
        }
        return skipped
    }

    /// Sends the content of one file to `write`, checked against its digest.
    package func content(of item: Wanted, _ write: (UnsafeRawBufferPointer) throws(Fault) -> Void) throws(Fault) {
        let tar = try TarReader(GzipReader(source, range: item.range))
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

extension ArchiveExtractor {
    /// The whole tar, entry by entry.
    package func tar() throws(Fault) -> TarReader { try TarReader(GzipReader(source)) }
}
