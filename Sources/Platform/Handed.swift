/// A value that belongs to one thread at a time and is handed from one to the next through a queue, a pool or a join.
package struct Handed<Value>: @unchecked Sendable {
    // Safe to share: whoever hands it on keeps no use of it; queues, pools and joins order the memory.
    package let value: Value
    package init(_ value: Value) { self.value = value }
}
