import TestSupport
import Testing

/// A server with job site: two hosts, and a tree of each for each day.
///
/// A night's timers run out at once; each night has a day of its own, since days that were missed are made good.
struct SystemdSite {
    let server: SystemdServer

    init() async throws {
        server = try await SystemdServer()
        let made = try await server(Self.setUp)
        try #require(made.status == 0, "\(made)")
    }

    private static let setUp = #"""
        set -eu
        cat >/run/site.sh <<'END'
        . /run/calm.sh
        day() { date -u -d "$1 days ago" "+${2:-%Y%m%d}"; }
        # A day's tree of a host, by job: tree JOB HOST DAYS KIBIBYTES; ready JOB HOST DAYS
        tree() {
            place=/mnt/$2/$1/$(day "$3")
            install -d "$place/acme"
            head -c "$(($4 * 1024))" /dev/urandom >"$place/acme/$1-$2-$3.log"
        }
        ready() { touch "/mnt/$2/$1/$(day "$3")/_READY"; }
        timers() { echo coldchain-collect@$1.timer coldchain-pack@$1.timer coldchain-ship@$1.timer; }
        night() {
            # Each night has all of its starts.
            for stage in collect pack ship; do
                systemctl reset-failed coldchain-$stage@$1.service 2>/dev/null || true
            done
            systemctl restart $(timers "$1")
            # They have run out: none of them waits.
            for try in $(seq 200); do
                case $(systemctl show $(timers "$1") -p SubState --value) in *waiting*) sleep 0.05 ;; *) return 0 ;; esac
            done
        }
        until_there() {
            for try in $(seq 300); do
                if ls $1 >/dev/null 2>&1; then return 0; fi
                sleep 0.05
            done
            echo "never there: $1" >&2
            return 1
        }
        END
        mkdir /mnt/web2
        for job in site late; do
            cat >/etc/coldchain/jobs.d/$job.toml <<END
        kind = "hosts"
        hosts = ["web1", "web2"]
        path = "file:///mnt/{host}/$job/{yyyy}{mm}{dd}"
        ready = "_READY"
        catch_up = "12 days"
        END
        done
        install -d /etc/systemd/system/coldchain-collect@.service.d
        printf '[Unit]\nStartLimitBurst=4\n[Service]\nRestartSec=1s\nExecStart=\nExecStart=/usr/local/bin/collect %%i --wait 1h\n' \
            >/etc/systemd/system/coldchain-collect@.service.d/wait.conf
        systemctl daemon-reload
        . /run/site.sh
        systemctl --quiet enable $(timers site) coldchain-watch.timer
        """#

    /// Runs a script with the words of the site; gives the first lines of what was told meanwhile, and the texts.
    func callAsFunction(_ script: String) async throws -> (titles: [String], texts: [String]) {
        let before = try server.told().count
        let result = try await server("set -eu; . /run/site.sh\n" + script, timeout: 90)
        if result.status != 0 {
            let journal = try await server("journalctl --quiet --no-pager -o short-precise -n 60")
            Issue.record("\(result)\n\(journal.output)")
        }
        let texts = Array(try server.told().dropFirst(before))
        return (texts.map { $0.split(separator: "\n").first.map(String.init) ?? "" }, texts)
    }

    func day(_ ago: Int) async throws -> String {
        try await server("date -u -d '\(ago) days ago' +%F").lines.first ?? ""
    }
}
