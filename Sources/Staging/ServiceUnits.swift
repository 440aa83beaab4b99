import Glibc
import Ledger
import Platform
package import Settings

/// What systemd has of the units of a job, and what they lack for these settings.
package struct ServiceUnits: Sendable {
    /// The properties of a unit, by name.
    typealias Properties = [String: String]

    private let units: [String: Properties]

    /// The properties that are asked for.
    private static let asked = "Id,LoadState,UnitFileState,ProtectSystem,ReadWritePaths,StateDirectory"
    private static let timers = ["", "-monthly"]

    /// Asks systemd; nothing where none runs, or it does not answer.
    package init?(of job: JobSettings) {
        guard access("/run/systemd/system", F_OK) == 0 else { return nil }
        var names = ["coldchain-watch.timer"]
        for stage in Stage.allCases {
            names.append("coldchain-\(stage.rawValue)@\(job.name).service")
            names += Self.timers.map { "coldchain-\(stage.rawValue)\($0)@\(job.name).timer" }
        }
        guard let text = Self.output(["show", "--no-pager", "--property=" + Self.asked] + names) else { return nil }
        self.init(text)
        // An account that may not ask the service manager learns nothing.
        if units.isEmpty { return nil }
    }

    /// Takes what `systemctl show` prints: blocks of `NAME=VALUE`, with an empty line between them.
    init(_ text: String) {
        var units: [String: Properties] = [:]
        var unit: Properties = [:]
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        lines.append("")
        for line in lines {
            if line.isEmpty {
                if let id = unit["Id"] { units[id] = unit }
                unit = [:]
            } else if let mark = line.firstIndex(of: "=") {
                unit[String(line[..<mark])] = String(line[line.index(after: mark)...])
            }
        }
        self.units = units
    }

    /// What a check says of them: a directory that a unit can't write is a fault, a timer that is off is told.
    package func items(_ job: JobSettings, _ configuration: Configuration) -> [CheckReport.Item] {
        var items: [CheckReport.Item] = []
        var off: [String] = []
        for stage in Stage.allCases {
            let name = "coldchain-\(stage.rawValue)@\(job.name).service"
            guard let unit = units[name], unit["LoadState"] == "loaded" else {
                return [
                    .init(
                        what: "job \(job.name): units", isGood: true,
                        why: "\(name) is not installed; whatever else starts the stages is not looked at")
                ]
            }
            let missing = Self.needed(by: stage, job, configuration).filter { !Self.isWritable($0, unit) }
            items.append(
                .init(
                    what: "job \(job.name): unit \(name)", isGood: missing.isEmpty,
                    why: missing.isEmpty
                        ? nil
                        : "may not write \(missing.joined(separator: ", ")). Let 'systemctl edit "
                            + "coldchain-\(stage.rawValue)@.service' add [Service] ReadWritePaths=\(missing.joined(separator: " "))"
                ))
            let timers = Self.timers.map { "coldchain-\(stage.rawValue)\($0)@\(job.name).timer" }
            if !timers.contains(where: { units[$0]?["UnitFileState"] == "enabled" }) { off.append(timers[0]) }
        }
        if units["coldchain-watch.timer"]?["UnitFileState"] != "enabled" { off.append("coldchain-watch.timer") }
        items.append(
            .init(
                what: "job \(job.name): timers", isGood: true,
                why: off.isEmpty ? nil : "not enabled; 'systemctl enable --now \(off.joined(separator: " "))' does it"))
        return items
    }

    /// What a stage writes.
    private static func needed(by stage: Stage, _ job: JobSettings, _ configuration: Configuration) -> [String] {
        var paths = [configuration.staging, configuration.state]
        if stage == .ship {
            for vault in job.vaults { if case .directory(let path) = vault.kind { paths.append(path) } }
        }
        return paths
    }

    private static func isWritable(_ path: String, _ unit: Properties) -> Bool {
        guard unit["ProtectSystem"] == "strict" else { return true }
        var tops = (unit["ReadWritePaths"] ?? "").split(separator: " ").map { String($0.drop { "-+".contains($0) }) }
        tops += (unit["StateDirectory"] ?? "").split(separator: " ").map { "/var/lib/\($0)" }
        return tops.contains { path == $0 || path.hasPrefix($0.hasSuffix("/") ? $0 : $0 + "/") }
    }

    private static func output(_ arguments: [String]) -> String? {
        guard let process = try? ConnectedProcess("systemctl", arguments, name: "systemctl") else { return nil }
        process.connection.setReadTimeout(seconds: 10)
        let buffer = Buffer(capacity: 256 << 10)
        while buffer.count < buffer.bytes.count {
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[buffer.count...])
            guard let got = try? process.connection.read(into: room) else { return nil }
            guard got > 0 else { break }
            buffer.count += got
        }
        process.connection.shutdown()
        return String(decoding: buffer.contents, as: UTF8.self)
    }
}
