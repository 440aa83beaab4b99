import Platform
import TestSupport
import Testing

extension PipelineTests.SystemdTests {
    /// Whole nights of job site, with two hosts and a tree for each day, and what goes wrong in them.
    ///
    /// A night's timers run out at once; each night has a day of its own, since days that were missed are made good.
    private struct Site {
        let server: SystemdServer

        init() async throws {
            server = try await SystemdServer()
            let made = try await server(Self.setUp)
            try #require(made.status == 0, "\(made)")
        }

        private static let setUp = #"""
            set -eu
            cat >/run/site.sh <<'END'
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
            # All units have ended, and whatever tells of them.
            calm() {
                quiet=0
                for try in $(seq 600); do
                    jobs=$(systemctl list-jobs --no-legend)
                    busy=$(systemctl list-units --no-legend --type=service \
                        --state=active,activating,deactivating,reloading 'coldchain-*')
                    if [ -z "$jobs$busy" ]; then quiet=$((quiet + 1)); else quiet=0; fi
                    if [ $quiet = 5 ]; then return 0; fi
                    sleep 0.1
                done
                echo "never calm: $jobs $busy" >&2
                return 1
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

    @Test("Whole nights, and nights in which things go wrong: each is told for what it is, and no day is lost")
    func nights() async throws {
        let site = try await Site()

        // The stages overlap: what one host has brought is in the vault while collect waits for the other.
        var day = try await site.day(1)
        let good = try await site(
            #"""
            tree site web1 1 64; ready site web1 1
            tree site web2 1 64
            night site
            until_there "/srv/archive/site/acme/*/*/*/web1.tar.gz"
            systemctl is-active coldchain-collect@site.service coldchain-pack@site.service coldchain-ship@site.service
            ready site web2 1
            calm
            """#)
        let stages = ["collect", "pack", "ship"]
        #expect(good.titles.sorted() == stages.map { "*[coldchain] \($0) site \(day) done on box*" }, "\(good)")
        #expect(try site.server.mailed().sorted() == stages.map { "[coldchain] \($0) site \(day) done on box" })
        for stage in stages {
            let warnings = try await site.server.said("warning", "\(stage)@site")
            let messages = try await site.server.said("info", "\(stage)@site")
            #expect(warnings == [])
            #expect(messages.contains { $0.contains("\(stage) site \(day): done") }, "\(messages)")
        }
        let later = try await site.server.start("ship@site")
        #expect(later.told == [] && later.state["ExecMainStatus"] == "0", "a start with nothing to do: \(later)")

        // A host is down.
        day = try await site.day(2)
        let down = try await site("tree site web1 2 64; ready site web1 2; night site; calm")
        #expect(down.titles.contains("*[coldchain] collect site \(day) partial, 1 failed on box*"), "\(down)")
        let why = down.texts.first { $0.hasPrefix("*[coldchain] collect") } ?? ""
        #expect(why.contains("web2: open /mnt/web2/site/") && why.contains("no such file or directory"), "\(why)")
        #expect(why.contains("\n  collect site --run \(day) --only web2\n"), "\(why)")
        #expect(!down.titles.contains { $0.contains("FAILED") }, "\(down)")

        // The disk fills up under collect, and the host of the night before is back.
        day = try await site.day(3)
        let full = try await site(
            #"""
            tree site web2 2 64; ready site web2 2
            for host in web1 web2; do tree site $host 3 6000; ready site $host 3; done
            used=$(du -sk /srv/staging | cut -f 1)
            mount -o "remount,size=$((used + 4000))k" /srv/staging
            night site
            calm
            mount -o remount,size=1g /srv/staging
            """#)
        let disk = full.texts.first { $0.hasPrefix("*[coldchain] collect") } ?? ""
        #expect(disk.contains("o space left on device"), "\(full)")
        #expect(disk.contains("collect site --run \(day)"), "\(disk)")

        // kill -9, and the kill of a machine that has no memory left.
        for (ago, kill, cause) in [
            (4, "kill -9 $(systemctl show coldchain-collect@site.service -p MainPID --value)", "killed by signal KILL"),
            (
                5,
                // As systemd-oomd does it.
                """
                group=/sys/fs/cgroup$(systemctl show coldchain-collect@site.service -p ControlGroup --value)
                python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.oomd_ooms", b"1")' "$group"
                kill -9 $(systemctl show coldchain-collect@site.service -p MainPID --value)
                """, "killed: the machine or the unit had no memory left"
            ),
        ] {
            day = try await site.day(ago)
            let killed = try await site(
                #"""
                tree site web1 \#(ago) 64; ready site web1 \#(ago)
                tree site web2 \#(ago) 64
                night site
                until_there "/srv/staging/site/\#(day)/records/collect/web1.json"
                \#(kill)
                ready site web2 \#(ago)
                calm
                """#)
            let text = killed.texts.first { $0.hasPrefix("*[coldchain] collect") } ?? ""
            #expect(text.contains(" FAILED") && text.contains("collect site: \(cause)\n"), "\(killed)")
            #expect(text.contains("collect site --run \(day)"), "\(text)")
            #expect(text.contains("\nLast lines:\n") && text.contains("web2: waiting"), "\(text)")
        }

        // The vault is not there.
        day = try await site.day(6)
        let outage = try await site(
            #"""
            for host in web1 web2; do tree site $host 6 64; ready site $host 6; done
            mount -t tmpfs nothing /srv/archive
            night site
            calm
            umount /srv/archive
            """#)
        let away = outage.texts.first { $0.hasPrefix("*[coldchain] ship") } ?? ""
        #expect(away.contains(" FAILED") && away.contains("/srv/archive"), "\(outage)")
        let isCollected = outage.titles.contains {
            $0.hasPrefix("*[coldchain] collect site") && $0.contains("done on box")
        }
        #expect(isCollected, "\(outage)")

        // Three nights in which this server was off are told as missing, and then made good.
        let missed = try await site(
            #"""
            touch -d '20 days ago' /etc/coldchain/jobs.d/late.toml
            for ago in 1 2 3; do
                for host in web1 web2; do tree late $host $ago 64; ready late $host $ago; done
            done
            systemctl start coldchain-watch.service
            calm
            """#)
        #expect(missed.titles.contains { $0.contains("late MISSING on box") }, "\(missed)")
        let caught = try await site("night late; calm; night site; calm")
        let (from, to) = (try await site.day(3), try await site.day(1))
        for stage in stages {
            #expect(caught.titles.contains("*[coldchain] \(stage) late \(from)..\(to) done on box*"), "\(caught)")
        }
        let isShipped = caught.titles.contains { $0.hasPrefix("*[coldchain] ship site ") && $0.contains("done on box") }
        #expect(isShipped, "\(caught)")

        // What is to be tried later is tried again, and told once when that was in vain.
        let paused = try await site(
            "runuser -u coldchain -- collect pause site --why 'a test'\n"
                + "systemctl reset-failed coldchain-collect@site.service || true\n"
                + "systemctl start coldchain-collect@site.service; calm; runuser -u coldchain -- collect resume site")
        #expect(paused.titles.count == 1, "\(paused)")
        let vain = paused.texts.first ?? ""
        #expect(vain.contains("collect site: was to be tried later, and all of its starts are used up"), "\(vain)")
        // journald can't always tell the program of a process that is gone at once.
        let starts = try await site.server(
            "journalctl -q -o cat -p notice _SYSTEMD_UNIT=coldchain-collect@site.service")
        #expect(starts.lines.count { $0.contains("paused") && $0.contains("a test") } == 4, "\(starts)")

        // No day is lost: stock tar brings back the bytes of each.
        let restored = try await site.server(
            #"""
            set -eu; . /run/site.sh
            for place in site:1 site:2 site:3 site:4 site:5 site:6 late:1 late:2 late:3; do
                job=${place%:*} ago=${place#*:}
                for host in web1 web2; do
                    cd "/srv/archive/$job/acme/$(day "$ago" %Y/%m/%d)"
                    sha256sum -c --quiet "$host.sha256"
                    rm -rf /tmp/back
                    mkdir /tmp/back
                    tar -xzf "$host.tar.gz" -C /tmp/back
                    cmp "/tmp/back/acme/$host/$job-$host-$ago.log" "/mnt/$host/$job/$(day "$ago")/acme/$job-$host-$ago.log"
                    echo "$place $host"
                done
            done
            """#)
        #expect(restored.status == 0 && restored.lines.count == 18, "\(restored)")

        // Six runs come under a policy that keeps two: so much at once has to be approved, and is told until then.
        let policy = try await site.server(
            #"""
            printf '[retention]\nkeep_last = 2\ngrace = "0 days"\nkeep_local = "0 days"\n' >>/etc/coldchain/jobs.d/site.toml
            """#)
        #expect(policy.status == 0, "\(policy)")
        let tripped = try await site.server.start("prune@site")
        #expect(tripped.state["Result"] == "exit-code" && tripped.state["ExecMainStatus"] == "1", "\(tripped)")
        let alarm = tripped.told.first ?? ""
        #expect(tripped.told.count == 1 && alarm.hasPrefix("*[coldchain] prune site FAILED on box*\n"), "\(tripped)")
        #expect(alarm.contains("more than 'max_vanished' would go at once of tenant acme"), "\(alarm)")
        #expect(alarm.contains("ship prune site --approve acme"), "\(alarm)")
        let before = try await site.server("ls -d /srv/archive/site/acme/*/*/*/*.tar.gz | wc -l")
        #expect(before.lines == ["12"])
        let approved = try await site.server("runuser -u coldchain -- ship prune site --approve acme")
        #expect(approved.status == 0 && approved.output.contains("quarantined"), "\(approved)")
        let pruned = try await site.server.start("prune@site")
        #expect(pruned.state == ["Result": "success", "ExecMainStatus": "0", "ActiveState": "inactive"], "\(pruned)")
        #expect(pruned.told.count == 1, "\(pruned)")
        #expect(pruned.told.first?.hasPrefix("*[coldchain] prune site done on box*\n") == true, "\(pruned)")
        let said = try await site.server("journalctl -q -o cat _SYSTEMD_UNIT=coldchain-prune@site.service")
        #expect(said.output.contains(" went ") && said.output.contains(" retired"), "\(said)")
        // From staging all is gone that every vault has; of the vault, what has been marked, once somebody says so.
        let left = try await site.server(
            """
            ls -d /srv/staging/site/*/pack/acme /srv/staging/site/*/collect/web1 2>/dev/null | wc -l
            runuser -u coldchain -- ship prune site --expire >/dev/null
            ls -d /srv/archive/site/acme/*/*/*/*.tar.gz | wc -l
            """)
        #expect(left.lines == ["0", "4"], "\(left)")

        // The rest is verified; and once it is damaged, that is told.
        let whole = try await site.server.start("verify@site")
        #expect(whole.state == ["Result": "success", "ExecMainStatus": "0", "ActiveState": "inactive"], "\(whole)")
        #expect(whole.told.first?.hasPrefix("*[coldchain] verify site done on box*\n") == true, "\(whole)")
        let damaged = try await site.server("rm \"$(ls -d /srv/archive/site/acme/*/*/*/web1.tar.gz | tail -n 1)\"")
        #expect(damaged.status == 0, "\(damaged)")
        let found = try await site.server.start("verify@site")
        #expect(found.state["ExecMainStatus"] == "3", "\(found)")
        let loss = found.told.first ?? ""
        #expect(loss.hasPrefix("*[coldchain] verify site partial on box*\n"), "\(loss)")
        #expect(loss.contains("web1.tar.gz") && loss.contains("is not in the vault"), "\(loss)")
        let (posts, mails) = (try site.server.told().count, try site.server.mailed().count)
        #expect(posts == mails && posts > 15)
    }
}
