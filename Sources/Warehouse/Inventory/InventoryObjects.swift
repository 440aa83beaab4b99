import Codec
package import Platform

/// All objects of one or several inventories, by key: their files are read several at a time, each checked to its last
/// byte, and sorted in bounded memory.
package final class InventoryObjects {
    /// What was read.
    package struct Totals: Sendable, Equatable {
        package var files = 0
        package var bytes: Int64 = 0
        package var rows: Int64 = 0
        /// Rows of versions that are not the latest, and of delete markers.
        package var passedOver: Int64 = 0
    }

    /// A file of an inventory with what it takes to read it.
    package struct File: Sendable {
        package var part: InventoryReport.Part
        package var report: InventoryReport
        package var open: @Sendable () throws(Fault) -> any RangedSource

        package init(
            _ part: InventoryReport.Part, of report: InventoryReport,
            open: @escaping @Sendable () throws(Fault) -> any RangedSource
        ) {
            self.part = part
            self.report = report
            self.open = open
        }
    }

    package let totals: Totals
    private let merge: ObjectMerge

    /// What all lanes of a sort have together.
    package static let memory = 256 << 20

    /// Reads all files.
    ///
    /// - Parameters:
    ///   - files: of all inventories.
    ///   - atOnce: how many are read at the same time.
    ///   - scratch: a local directory for what does not fit into memory.
    ///   - memory: bytes for what is sorted at once.
    /// - Throws: `damaged` for a file that is not as its manifest says, or is no inventory; what a source throws.
    package init(_ files: [File], atOnce: Int, scratch: Directory, memory: Int = InventoryObjects.memory) throws(Fault)
    {
        let count = max(1, min(atOnce, files.count))
        let lanes = (0..<count).map { _ in Handed(SortLane(scratch: scratch, memory: memory / count)) }
        let queue = BoundedQueue<File>(capacity: max(1, files.count))
        for file in files { queue.push(file) }
        queue.close()
        let totals = Monitor(Totals())
        let crew = ThreadCrew { queue.cancel() }
        for (number, lane) in lanes.enumerated() {
            try crew.start("inventory-\(number)") {
                while let file = queue.pop() {
                    let read = try Self.read(file, into: lane.value)
                    totals.with {
                        $0.files += 1
                        $0.bytes += file.part.size
                        $0.rows += read.rows
                        $0.passedOver += read.passedOver
                    }
                }
            }
        }
        try crew.join()
        self.totals = totals.with { $0 }
        var cursors: [RunCursor] = []
        for lane in lanes { cursors += try lane.value.finish() }
        merge = try ObjectMerge(cursors)
    }

    private static func read(_ file: File, into lane: SortLane) throws(Fault) -> (rows: Int64, passedOver: Int64) {
        let source = try file.open()
        guard source.size == file.part.size else {
            throw Fault(
                .damaged,
                "\(source.name): has \(source.size) bytes, and the inventory's manifest says \(file.part.size)")
        }
        let stream = PartStream(source)
        var rows = InventoryRows(
            MemberReader.gzip(stream, bufferSize: 4 << 20), file.report.schema, bucket: file.report.sourceBucket)
        while let object = try rows.next() {
            if rows.count & 0xFFFF == 0 { try Shutdown.check() }
            try lane.append(object)
        }
        try stream.check(file.part)
        return (rows.count, rows.passedOver)
    }

    /// The next object in the order of the keys' bytes, or nothing at the end.
    func next() throws(Fault) -> ObjectRecord? { try merge.next() }
}
