import Platform
import TestSupport
import Testing

extension PipelineTests.SystemdTests {
    /// Whole nights of job farm, with two hosts and a tree for each day, and what goes wrong in them.
    ///
    /// A night's timers run out at once; each night has a day of its own, since days that were missed are made good.
    private struct Farm {
        let server: SystemdServer

        init() async throws {
            server = try await SystemdServer()
            let made = try await server(Self.setUp)
            try #require(made.status == 0, "\(made)")
        }

        private static let setUp = #"""
            set -eu
            cat >/run/farm.sh <<'END'
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
            for job in farm late; do
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
            . /run/farm.sh
            systemctl --quiet enable $(timers farm) coldchain-watch.timer
            """#

        /// Runs a script with the words of the farm; gives the first lines of what was told meanwhile, and the texts.
        func callAsFunction(_ script: String) async throws -> (titles: [String], texts: [String]) {
            let before = try server.told().count
            let result = try await server("set -eu; . /run/farm.sh\n" + script, timeout: 90)
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
        let farm = try await Farm()

        // The stages overlap: what one host has brought is in the vault while collect waits for the other.
        var day = try await farm.day(1)
        let good = try await farm(
            #"""
            tree farm web1 1 64; ready farm web1 1
            tree farm web2 1 64
            night farm
            until_there "/srv/archive/farm/acme/*/*/*/web1.tar.gz"
            systemctl is-active coldchain-collect@farm.service coldchain-pack@farm.service coldchain-ship@farm.service
            ready farm web2 1
            calm
            """#)
        let stages = ["collect", "pack", "ship"]
        #expect(good.titles.sorted() == stages.map { "*[coldchain] \($0) farm \(day) done on box*" }, "\(good)")
        #expect(try farm.server.mailed().sorted() == stages.map { "[coldchain] \($0) farm \(day) done on box" })
        for stage in stages {
            let warnings = try await farm.server.said("warning", "\(stage)@farm")
            let messages = try await farm.server.said("info", "\(stage)@farm")
            #expect(warnings == [])
            #expect(messages.contains { $0.contains("\(stage) farm \(day): done") }, "\(messages)")
        }
        let later = try await farm.server.start("ship@farm")
        #expect(later.told == [] && later.state["ExecMainStatus"] == "0", "a start with nothing to do: \(later)")

        // A host is down.
        day = try await farm.day(2)
        let down = try await farm("tree farm web1 2 64; ready farm web1 2; night farm; calm")
        #expect(down.titles.contains("*[coldchain] collect farm \(day) partial, 1 failed on box*"), "\(down)")
        let why = down.texts.first { $0.hasPrefix("*[coldchain] collect") } ?? ""
        #expect(why.contains("web2: open /mnt/web2/farm/") && why.contains("no such file or directory"), "\(why)")
        #expect(why.contains("\n  collect farm --run \(day) --only web2\n"), "\(why)")
        #expect(!down.titles.contains { $0.contains("FAILED") }, "\(down)")

        // The disk fills up under collect, and the host of the night before is back.
        day = try await farm.day(3)
        let full = try await farm(
            #"""
            tree farm web2 2 64; ready farm web2 2
            for host in web1 web2; do tree farm $host 3 6000; ready farm $host 3; done
            used=$(du -sk /srv/staging | cut -f 1)
            mount -o "remount,size=$((used + 4000))k" /srv/staging
            night farm
            calm
            mount -o remount,size=1g /srv/staging
            """#)
        let disk = full.texts.first { $0.hasPrefix("*[coldchain] collect") } ?? ""
        #expect(disk.contains("o space left on device"), "\(full)")
        #expect(disk.contains("collect farm --run \(day)"), "\(disk)")

        // kill -9, and the kill of a machine that has no memory left.
        for (ago, kill, cause) in [
            (4, "kill -9 $(systemctl show coldchain-collect@farm.service -p MainPID --value)", "killed by signal KILL"),
            (
                5,
                // As systemd-oomd does it.
                """
                group=/sys/fs/cgroup$(systemctl show coldchain-collect@farm.service -p ControlGroup --value)
                python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.oomd_ooms", b"1")' "$group"
                kill -9 $(systemctl show coldchain-collect@farm.service -p MainPID --value)
                """, "killed: the machine or the unit had no memory left"
            ),
        ] {
            day = try await farm.day(ago)
            let killed = try await farm(
                #"""
                tree farm web1 \#(ago) 64; ready farm web1 \#(ago)
                tree farm web2 \#(ago) 64
                night farm
                until_there "/srv/staging/farm/\#(day)/records/collect/web1.json"
                \#(kill)
                ready farm web2 \#(ago)
                calm
                """#)
            let text = killed.texts.first { $0.hasPrefix("*[coldchain] collect") } ?? ""
            #expect(text.contains(" FAILED") && text.contains("collect farm: \(cause)\n"), "\(killed)")
            #expect(text.contains("collect farm --run \(day)"), "\(text)")
            #expect(text.contains("\nLast lines:\n") && text.contains("web2: waiting"), "\(text)")
        }

        // The vault is not there.
        day = try await farm.day(6)
        let outage = try await farm(
            #"""
            for host in web1 web2; do tree farm $host 6 64; ready farm $host 6; done
            mount -t tmpfs nothing /srv/archive
            night farm
            calm
            umount /srv/archive
            """#)
        let away = outage.texts.first { $0.hasPrefix("*[coldchain] ship") } ?? ""
        #expect(away.contains(" FAILED") && away.contains("/srv/archive"), "\(outage)")
        let isCollected = outage.titles.contains {
            $0.hasPrefix("*[coldchain] collect farm") && $0.contains("done on box")
        }
        #expect(isCollected, "\(outage)")

        // Three nights in which this server was off are told as missing, and then made good.
        let missed = try await farm(
            #"""
            touch -d '20 days ago' /etc/coldchain/jobs.d/late.toml
            for ago in 1 2 3; do
                for host in web1 web2; do tree late $host $ago 64; ready late $host $ago; done
            done
            systemctl start coldchain-watch.service
            calm
            """#)
        #expect(missed.titles.contains { $0.contains("late MISSING on box") }, "\(missed)")
        let caught = try await farm("night late; calm; night farm; calm")
        let (from, to) = (try await farm.day(3), try await farm.day(1))
        for stage in stages {
            #expect(caught.titles.contains("*[coldchain] \(stage) late \(from)..\(to) done on box*"), "\(caught)")
        }
        let isShipped = caught.titles.contains { $0.hasPrefix("*[coldchain] ship farm ") && $0.contains("done on box") }
        #expect(isShipped, "\(caught)")

        // What is to be tried later is tried again, and told once when that was in vain.
        let paused = try await farm(
            "runuser -u coldchain -- collect pause farm --why 'a test'\n"
                + "systemctl reset-failed coldchain-collect@farm.service || true\n"
                + "systemctl start coldchain-collect@farm.service; calm; runuser -u coldchain -- collect resume farm")
        #expect(paused.titles.count == 1, "\(paused)")
        let vain = paused.texts.first ?? ""
        #expect(vain.contains("collect farm: was to be tried later, and all of its starts are used up"), "\(vain)")
        // journald can't always tell the program of a process that is gone at once.
        let starts = try await farm.server(
            "journalctl -q -o cat -p notice _SYSTEMD_UNIT=coldchain-collect@farm.service")
        #expect(starts.lines.count { $0.contains("paused") && $0.contains("a test") } == 4, "\(starts)")

        // No day is lost: stock tar brings back the bytes of each.
        let restored = try await farm.server(
            #"""
            set -eu; . /run/farm.sh
            for place in farm:1 farm:2 farm:3 farm:4 farm:5 farm:6 late:1 late:2 late:3; do
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
        let policy = try await farm.server(
            #"""
            printf '[retention]\nkeep_last = 2\ngrace = "0 days"\nkeep_local = "0 days"\n' >>/etc/coldchain/jobs.d/farm.toml
            """#)
        #expect(policy.status == 0, "\(policy)")
        let tripped = try await farm.server.start("prune@farm")
        #expect(tripped.state["Result"] == "exit-code" && tripped.state["ExecMainStatus"] == "1", "\(tripped)")
        let alarm = tripped.told.first ?? ""
        #expect(tripped.told.count == 1 && alarm.hasPrefix("*[coldchain] prune farm FAILED on box*\n"), "\(tripped)")
        #expect(alarm.contains("more than 'max_vanished' would go at once of tenant acme"), "\(alarm)")
        #expect(alarm.contains("ship prune farm --approve acme"), "\(alarm)")
        let before = try await farm.server("ls -d /srv/archive/farm/acme/*/*/*/*.tar.gz | wc -l")
        #expect(before.lines == ["12"])
        let approved = try await farm.server("runuser -u coldchain -- ship prune farm --approve acme")
        #expect(approved.status == 0 && approved.output.contains("quarantined"), "\(approved)")
        let pruned = try await farm.server.start("prune@farm")
        #expect(pruned.state == ["Result": "success", "ExecMainStatus": "0", "ActiveState": "inactive"], "\(pruned)")
        #expect(pruned.told.count == 1, "\(pruned)")
        #expect(pruned.told.first?.hasPrefix("*[coldchain] prune farm done on box*\n") == true, "\(pruned)")
        let said = try await farm.server("journalctl -q -o cat _SYSTEMD_UNIT=coldchain-prune@farm.service")
        #expect(said.output.contains(" went ") && said.output.contains(" retired"), "\(said)")
        // From staging all is gone that every vault has; of the vault, what has been marked, once somebody says so.
        let left = try await farm.server(
            """
            ls -d /srv/staging/farm/*/pack/acme /srv/staging/farm/*/collect/web1 2>/dev/null | wc -l
            runuser -u coldchain -- ship prune farm --expire >/dev/null
            ls -d /srv/archive/farm/acme/*/*/*/*.tar.gz | wc -l
            """)
        #expect(left.lines == ["0", "4"], "\(left)")

        // The rest is verified; and once it is damaged, that is told.
        let whole = try await farm.server.start("verify@farm")
        #expect(whole.state == ["Result": "success", "ExecMainStatus": "0", "ActiveState": "inactive"], "\(whole)")
        #expect(whole.told.first?.hasPrefix("*[coldchain] verify farm done on box*\n") == true, "\(whole)")
        let damaged = try await farm.server("rm \"$(ls -d /srv/archive/farm/acme/*/*/*/web1.tar.gz | tail -n 1)\"")
        #expect(damaged.status == 0, "\(damaged)")
        let found = try await farm.server.start("verify@farm")
        #expect(found.state["ExecMainStatus"] == "3", "\(found)")
        let loss = found.told.first ?? ""
        #expect(loss.hasPrefix("*[coldchain] verify farm partial on box*\n"), "\(loss)")
        #expect(loss.contains("web1.tar.gz") && loss.contains("is not in the vault"), "\(loss)")
        let (posts, mails) = (try farm.server.told().count, try farm.server.mailed().count)
        #expect(posts == mails && posts > 15)
    }
}
