import Hosts
import Platform
import Settings

/// Tells whether the hosts have anything of a date that was missed; a host is connected to once.
final class MissedSources {
    private let job: JobSettings
    private var probes: [String: SFTPProbe] = [:]
    private var unreachable: Set<String> = []

    init(_ job: JobSettings) { self.job = job }

    /// Whether any host has a tree of the date.
    ///
    /// One that can't be reached says nothing: it fails in a run of its own.
    func exist(_ date: CivilDate) throws(Fault) -> Bool {
        for host in job.hosts where try has(host, date) { return true }
        return false
    }

    private func has(_ host: HostSettings, _ date: CivilDate) throws(Fault) -> Bool {
        let path = host.sourcePath(date)
        switch host.access {
        case .mounted: return (try? Directory.open(path)) != nil
        case .ssh(let ssh):
            try Shutdown.check()
            guard !unreachable.contains(host.name) else { return false }
            do {
                let probe = try probes[host.name] ?? SFTPProbe(host.name, ssh)
                probes[host.name] = probe
                return try probe.hasDirectory(path)
            } catch {
                unreachable.insert(host.name)
                return false
            }
        }
    }
}
