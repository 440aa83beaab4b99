import Platform
import TestSupport
import Testing

extension ServerTests.SystemdTests {
    @Test("Whole nights, and nights in which things go wrong: each is told for what it is, and no day is lost")
    func nights() async throws {
        let site = try await SystemdSite()

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
                // As systemd-oomd does it. The kernel's own kill takes the memory controller of cgroup 2, which not every
                // machine of the tests gives away: many have it in version 1. systemd tells both alike.
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

        // A stage runs into its time limit, and one hangs though its other threads run.
        day = try await site.day(7)
        let library = Pipeline.split(try await FaultLibrary.shared.path())
        _ = try await run(["cp", "\(library.directory)/\(library.name)", site.server.box.share + "/fault.so"])
        let limits = try await site.server(
            #"""
            set -eu; . /run/site.sh
            tree site web1 7 64; ready site web1 7
            tree site web2 7 64
            for stage in collect pack; do install -d "/etc/systemd/system/coldchain-$stage@site.service.d"; done
            printf '[Service]\nRuntimeMaxSec=4s\n' >/etc/systemd/system/coldchain-collect@site.service.d/limit.conf
            {
                printf '[Service]\nWatchdogSec=2s\nEnvironment=LD_PRELOAD=/share/fault.so COLDCHAIN_FAULT_CALLS=create,'
                printf ' COLDCHAIN_FAULT_WHEN=1 COLDCHAIN_FAULT_ACTION=hold COLDCHAIN_FAULT_MARK=/srv/staging/held'
                printf ' COLDCHAIN_FAULT_BELOW=/srv/staging/site/%s/pack/\n' "$(day 7 %F)"
            } >/etc/systemd/system/coldchain-pack@site.service.d/limit.conf
            systemctl daemon-reload
            """#)
        #expect(limits.status == 0, "\(limits)")
        let slow = try await site.server.start("collect@site")
        let over = slow.told.first ?? ""
        #expect(slow.state["Result"] == "timeout" && slow.told.count == 1, "\(slow)")
        #expect(over.contains("collect site: ended by systemd: its time was over\n"), "\(over)")
        #expect(over.contains("\nLast lines:\n") && over.contains("web2: waiting"), "\(over)")
        _ = try await site.server(
            ". /run/site.sh; ready site web2 7; rm /etc/systemd/system/coldchain-collect@site.service.d/limit.conf; systemctl daemon-reload"
        )
        let healed = try await site.server.start("collect@site")
        let mended = healed.told.first ?? ""
        #expect(mended.hasPrefix("*[coldchain] collect site \(day)") && mended.contains(" done on box*"), "\(healed)")
        let hung = try await site.server.start("pack@site")
        let silent = hung.told.first ?? ""
        #expect(hung.state["Result"] == "watchdog" && hung.told.count == 1, "\(hung)")
        #expect(silent.contains("pack site: killed by systemd: nothing in it moved any more\n"), "\(silent)")
        #expect(silent.contains("pack site --run \(day)") && silent.contains("\nLast lines:\n"), "\(silent)")
        _ = try await site.server(
            "rm /etc/systemd/system/coldchain-pack@site.service.d/limit.conf /srv/staging/held; systemctl daemon-reload"
        )

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
            for place in site:1 site:2 site:3 site:4 site:5 site:6 site:7 late:1 late:2 late:3; do
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
        #expect(restored.status == 0 && restored.lines.count == 20, "\(restored)")

        // Seven runs come under a policy that keeps two: so much at once has to be approved, and is told until then.
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
        #expect(before.lines == ["14"])
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
