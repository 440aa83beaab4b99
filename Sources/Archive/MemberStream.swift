import Codec
import Platform

/// The tar of members that follow each other: one thread reads them, several inflate them, and they come in order.
///
/// Memory is the pool of members under way, two buffers of a member's size each. Whoever made the stream ends it with
/// ``finish()``; one that is dropped lets its threads end by themselves.
final class MemberStream: ByteStream {
    /// A member that could not be inflated.
    struct Damage: Sendable {
        let number: Int
        let place: ArchiveIndex.Member
        let fault: Fault
    }

    /// A member on its way: read by one thread, inflated by another, emptied by the consumer.
    private final class Item {
        let input = Buffer(capacity: Block.output)
        let output = Buffer(capacity: Block.memberSize)
        var number = 0
        var place = ArchiveIndex.Member(offset: 0, length: 0, tarOffset: 0, tarLength: 0)
        var fault: Fault?
    }

    /// What happens to the bytes of the archive on the thread that reads them.
    typealias Passing = @Sendable (UnsafeRawBufferPointer) -> Void

    private let source: any RangedSource
    private let window = OrderedWindow<Handed<Item>>(capacity: Int.max / 2)
    private let pool: Pool<Handed<Item>>
    private let queue: BoundedQueue<Handed<Item>>
    private let crew: ThreadCrew
    private let cancel: @Sendable () -> Void
    private var current: Handed<Item>?
    private var position = 0
    /// The first member that could not be inflated, once ``read(into:)`` has come to it.
    private(set) var damage: Damage?

    /// Starts the threads.
    ///
    /// - Parameters:
    ///   - source: the archive.
    ///   - members: those to inflate, one behind the other.
    ///   - first: the number of the first of them in the archive.
    ///   - workers: threads that inflate; one at the least.
    ///   - library: what inflates.
    ///   - passing: is given all compressed bytes in order.
    /// - Throws: `damaged` for a member larger than pack makes; `limit` when the system has no thread left.
    init(
        _ source: any RangedSource, _ members: ArraySlice<ArchiveIndex.Member>, first: Int, workers: Int,
        library: MemberLibrary, passing: @escaping Passing = { _ in }
    ) throws(Fault) {
        for (number, place) in zip(first..., members)
        where place.length > Int64(Block.output) || place.tarLength > Int64(Block.memberSize) {
            throw Fault(
                .damaged,
                "\(source.name): member \(number) has \(place.length) bytes of \(place.tarLength) of tar, more than pack makes"
            )
        }
        self.source = source
        let workers = max(1, workers)
        let limit = workers + 2
        let pool = Pool<Handed<Item>>(limit: limit) { Handed(Item()) }
        let queue = BoundedQueue<Handed<Item>>(capacity: limit)
        self.pool = pool
        self.queue = queue
        cancel = { [window] in
            window.cancel()
            pool.close()
            queue.cancel()
        }
        crew = ThreadCrew(onFault: cancel)
        do throws(Fault) {
            for number in 0..<workers {
                try crew.start("inflate-\(number)") { [window] in
                    let inflater = try library.whole()
                    while let item = queue.pop() {
                        Self.inflate(item.value, inflater)
                        window.deliver(item, for: item.value.number - first)
                    }
                }
            }
            try crew.start("archive-reader") { [window] in
                for (number, place) in zip(first..., members) {
                    try Shutdown.check()
                    guard let item = pool.take(), window.admit() != nil else { return }
                    item.value.number = number
                    item.value.place = place
                    item.value.fault = nil
                    try Self.read(item.value, source)
                    passing(item.value.input.contents)
                    queue.push(item)
                }
                window.finish()
                queue.close()
            }
        } catch {
            cancel()
            try? crew.join()
            throw error
        }
    }

    deinit { cancel() }

    var name: String { source.name }

    private static func read(_ item: Item, _ source: any RangedSource) throws(Fault) {
        let wanted = Int(item.place.length)
        item.input.count = 0
        while item.input.count < wanted {
            let at = item.place.offset + Int64(item.input.count)
            let count = try source.read(
                into: UnsafeMutableRawBufferPointer(rebasing: item.input.bytes[item.input.count..<wanted]), at: at)
            guard count > 0 else {
                throw Fault(.changed, "\(source.name): ends at \(at), expected \(at + Int64(wanted)) bytes")
            }
            item.input.count += count
        }
    }

    private static func inflate(_ item: Item, _ inflater: any WholeMember) {
        let output = UnsafeMutableRawBufferPointer(rebasing: item.output.bytes[..<Int(item.place.tarLength)])
        do throws(Fault) {
            try inflater.inflate(item.input.contents, into: output)
            item.output.count = output.count
        } catch {
            item.output.count = 0
            item.fault = error
        }
    }

    /// - Throws: `damaged`, naming the member and its bytes, where one can't be inflated; what the source throws;
    ///   `interrupted` after a signal.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(Fault) -> Int {
        if let damage { throw damage.fault }
        while current == nil || position == current?.value.output.count {
            if let old = current.take() { pool.give(old) }
            guard let next = window.take() else {
                // Taken to the end, or stopped: the threads know why.
                try crew.join()
                return 0
            }
            current = next
            position = 0
            if let fault = next.value.fault {
                damage = Self.damage(next.value, fault, name)
                throw damage?.fault ?? fault
            }
        }
        guard let item = current?.value else { return 0 }
        let count = min(buffer.count, item.output.count - position)
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: item.output.bytes[position..<(position + count)]))
        position += count
        return count
    }

    private static func damage(_ item: Item, _ fault: Fault, _ name: String) -> Damage {
        let end = item.place.offset + item.place.length
        return Damage(
            number: item.number, place: item.place,
            fault: Fault(
                fault.code,
                "\(name): member \(item.number) (bytes \(item.place.offset)-\(end)): \(fault.message)"))
    }

    /// Reads what is left, and tells of each member that can't be inflated.
    ///
    /// - Throws: what the source throws; `interrupted` after a signal.
    func drain(_ found: (Damage) -> Void) throws(Fault) {
        if let old = current.take() { pool.give(old) }
        while let next = window.take() {
            if let fault = next.value.fault { found(Self.damage(next.value, fault, name)) }
            pool.give(next)
        }
        try crew.join()
    }

    /// Inflates what is left, and has no use for it.
    ///
    /// - Throws: as ``read(into:)``.
    func pass() throws(Fault) {
        var first = damage
        try drain { if first == nil { first = $0 } }
        if let first {
            damage = first
            throw first.fault
        }
    }

    /// Stops the threads and waits for them.
    ///
    /// - Throws: the first fault of a thread that had not been told.
    func finish() throws(Fault) {
        cancel()
        try crew.join()
    }
}
