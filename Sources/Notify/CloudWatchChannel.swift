package import AWS
package import Platform
import Settings

/// Puts a notice's figures into Amazon CloudWatch, with job, stage and reason as dimensions.
///
/// An event is a figure, too: `events` of 1 with the dimensions `job`, `stage` and `event`, so that an alarm can be set on
/// a failure, and on a success that never comes.
package struct CloudWatchChannel: NoticeChannel {
    package let name: String
    private let client: CloudWatchClient
    private let namespace: String
    private let clock: Clock

    /// A channel.
    ///
    /// - Parameters:
    ///   - name: the name in the settings.
    ///   - client: what sends.
    ///   - namespace: where the figures stand together.
    ///   - clock: the time of the figures.
    package init(name: String, client: CloudWatchClient, namespace: String, clock: Clock) {
        self.name = name
        self.client = client
        self.namespace = namespace
        self.clock = clock
    }

    package func send(_ notice: Notice) throws(Fault) {
        try client.put(Self.data(notice, at: clock.now()), namespace: namespace)
    }

    static func data(_ notice: Notice, at time: Timestamp) -> [CloudWatchClient.Datum] {
        let event = CloudWatchClient.Datum(
            "events", dimensions: [("job", notice.job), ("stage", notice.stage), ("event", notice.event.rawValue)],
            value: 1, unit: "Count", time: time)
        return [event]
            + notice.metrics.map { metric in
                .init(
                    metric.name,
                    dimensions: [("job", notice.job)] + (metric.stage.map { [("stage", $0)] } ?? [])
                        + (metric.reason.map { [("reason", $0)] } ?? []),
                    value: metric.value, unit: unit(metric.name), time: time)
            }
    }

    /// By the base unit with which the names of figures end.
    private static func unit(_ name: String) -> String {
        if name.hasSuffix("_bytes") { return "Bytes" }
        if name.hasSuffix("_timestamp_seconds") || name.hasSuffix("_dollars") { return "None" }
        return name.hasSuffix("_seconds") ? "Seconds" : "Count"
    }
}
