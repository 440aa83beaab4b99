/// What some objects cost, as a plan or a report tells it.
package struct CostEstimate: Codable, Sendable, Equatable {
    package var objects: Int64
    package var bytes: Int64
    package var requests: Int64
    /// US dollars for the requests.
    package var now: Double
    /// US dollars for each month that the objects are kept.
    package var month: Double
    /// Objects of a region or class without a price; their dollars are missing.
    package var unpriced: Int64

    package init(
        objects: Int64 = 0, bytes: Int64 = 0, requests: Int64 = 0, now: Double = 0, month: Double = 0,
        unpriced: Int64 = 0
    ) {
        self.objects = objects
        self.bytes = bytes
        self.requests = requests
        self.now = now
        self.month = month
        self.unpriced = unpriced
    }

    package static func += (left: inout CostEstimate, right: CostEstimate) {
        left.objects += right.objects
        left.bytes += right.bytes
        left.requests += right.requests
        left.now += right.now
        left.month += right.month
        left.unpriced += right.unpriced
    }
}
