import Ledger
import Platform

/// All that is on its way out, by the bytes of its keys.
extension Departures: Sequence {
    package struct Iterator: IteratorProtocol {
        private let table: DepartureTable
        /// The row that comes next, and its number.
        private var number: Int?
        private var fromTable: Departure?
        private var added: ArraySlice<Departure>

        fileprivate init(_ table: DepartureTable, _ added: [Departure]) {
            self.table = table
            self.added = added[...]
            go(from: 0)
        }

        private mutating func go(from start: Int) {
            number = table.next(from: start)
            fromTable = number.flatMap { table.departure($0) }
        }

        package mutating func next() -> Departure? {
            guard let found = fromTable, let number else { return added.popFirst() }
            if let first = added.first, Departures.precedes(first, found) { return added.popFirst() }
            go(from: number + 1)
            return found
        }
    }

    private static func precedes(_ one: Departure, _ other: Departure) -> Bool {
        one.key.utf8.lexicographicallyPrecedes(other.key.utf8)
    }

    package func makeIterator() -> Iterator { Iterator(table, added.values.sorted(by: Self.precedes)) }
}
