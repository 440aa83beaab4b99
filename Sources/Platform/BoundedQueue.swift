/// A queue between threads that holds at most `capacity` elements: a full queue stops the producer, which is how
/// memory stays bounded.
package final class BoundedQueue<Element: Sendable>: Sendable {
    private struct State {
        // A popped slot is emptied at once: an element must not live on in here.
        var elements: [Element?] = []
        var head = 0
        var isClosed = false
        var count: Int { elements.count - head }
    }
    private let monitor = Monitor(State())
    private let capacity: Int

    package init(capacity: Int) { self.capacity = max(1, capacity) }

    /// Appends once there is room.
    ///
    /// - Returns: false when the queue is closed; the element is dropped then.
    @discardableResult
    package func push(_ element: Element) -> Bool {
        monitor.wait { state -> Bool? in
            if state.isClosed { return false }
            guard state.count < capacity else { return nil }
            state.elements.append(element)
            return true
        }
    }

    /// Takes the oldest element, waiting for one; nothing once the queue is closed and empty.
    package func pop() -> Element? {
        monitor.wait { state -> Element?? in
            guard state.count > 0 else { return state.isClosed ? .some(nil) : nil }
            let element = state.elements[state.head].take()
            state.head += 1
            if state.head == state.elements.count || state.head >= 1_024 {
                state.elements.removeFirst(state.head)
                state.head = 0
            }
            return element
        }
    }

    /// Takes no more elements; what is inside can still be popped.
    package func close() { monitor.change { $0.isClosed = true } }

    /// Closes and drops what is inside: every waiter ends at once.
    package func cancel() {
        monitor.change {
            $0.isClosed = true
            $0.elements = []
            $0.head = 0
        }
    }
}
