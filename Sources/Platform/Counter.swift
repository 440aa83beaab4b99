import Synchronization

/// A count that several threads add to.
package final class Counter: Sendable {
    private let storage = Atomic<Int64>(0)
    package init() {}
    package func add(_ amount: Int64) { storage.wrappingAdd(amount, ordering: .relaxed) }
    package var value: Int64 { storage.load(ordering: .relaxed) }
}
