package import Platform
import Settings

/// Leaves a job's figures where Prometheus's node_exporter finds them (its textfile collector): `coldchain-JOB.prom`.
///
/// The file is replaced as a whole, so that nobody reads half of one.
package struct TextfileChannel: NoticeChannel {
    package let name: String
    private let directory: String

    package init(name: String, directory: String) {
        self.name = name
        self.directory = directory
    }

    package func send(_ notice: Notice) throws(Fault) {
        // A notice without figures, such as one of a job that can't be read, must not take away those that are there.
        guard notice.event != .start, !notice.metrics.isEmpty else { return }
        let place = try Directory.open(directory)
        let bytes = Array(Self.text(notice).utf8)
        let name = ByteString("coldchain-\(notice.job).prom")
        let file = try PendingFile(name, in: place)
        try file.file.write(bytes)
        // The collector has an account of its own, and the umask of the units is not for it.
        try place.setMode(PendingFile.temporaryName(for: name), 0o644)
        try file.commit()
    }

    /// The exposition format of Prometheus, version 0.0.4: figures of one name stand together, below their type.
    static func text(_ notice: Notice) -> String {
        var text = ""
        var told: Set<String> = []
        for metric in notice.metrics.sorted(by: {
            ($0.name, $0.stage ?? "", $0.reason ?? "") < ($1.name, $1.stage ?? "", $1.reason ?? "")
        }) {
            let name = "coldchain_" + metric.name
            if told.insert(name).inserted {
                text += "# HELP \(name) \(metric.help)\n# TYPE \(name) gauge\n"
            }
            let stage = metric.stage.map { ",stage=\"\($0)\"" } ?? ""
            let reason = metric.reason.map { ",reason=\"\($0)\"" } ?? ""
            text += "\(name){job=\"\(notice.job)\"\(stage)\(reason)} \(Self.number(metric.value))\n"
        }
        return text
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }
}
