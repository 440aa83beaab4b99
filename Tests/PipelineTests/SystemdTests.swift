import FoundationEssentials
import Platform
import TestSupport
import Testing

extension PipelineTests {
    /// The units as they are installed, under a real systemd.
    @Suite(
        .enabled("needs root, systemd, cgroup 2, and a kernel that lets root nest namespaces and overlays") {
            try await SystemdBox.isPossible()
        })
    struct SystemdTests {
        // MARK: Tests

        @Test("systemd finds nothing to complain of in the units")
        func verify() async throws {
            let box = try await SystemdServer()
            let result = try await box("systemd-analyze verify --man=no /usr/local/lib/systemd/system/coldchain-*")
            #expect(result.status == 0 && result.errors.isEmpty && result.output.isEmpty, "\(result)")
        }

        @Test("The timers run collect, pack and ship in this order, and each success is told once")
        func night() async throws {
            let box = try await SystemdServer()
            // Enabled as the README says; then their times come soon. pack and ship are called while collect is at work.
            let started = try await box(
                #"""
                set -eu
                timers="coldchain-collect@siem.timer coldchain-pack@siem.timer coldchain-ship@siem.timer"
                systemctl --quiet enable --now $timers
                systemctl list-timers --no-legend | grep -c 'coldchain-.*@siem.timer'
                for pair in collect:0.2 pack:0.7 ship:0.9; do
                    place=/etc/systemd/system/coldchain-${pair%:*}@.timer.d
                    mkdir "$place"
                    printf '[Timer]\nOnCalendar=\nOnActiveSec=%ss\nRandomizedDelaySec=0\nAccuracySec=1ms\n' \
                        "${pair#*:}" >"$place/soon.conf"
                done
                mkdir /etc/systemd/system/coldchain-collect@.service.d
                printf '[Service]\nExecStartPre=/bin/sleep 1.5\n' >/etc/systemd/system/coldchain-collect@.service.d/slow.conf
                systemctl daemon-reload
                systemctl restart $timers
                """#)
            #expect(started.status == 0 && started.lines == ["3"], "\(started)")
            let isTold = try await eventually(timeout: 30) {
                // The mail is the last that is sent.
                try box.told().count == 3 && box.mailed().count == 3
            }
            let texts = try box.told()
            #expect(isTold, "\(texts)")
            let titles = texts.map { String($0.prefix { $0 != "\n" }) }
            let subjects = try box.mailed()
            let day = try await box("date -u -d yesterday +%F").lines.first ?? ""
            let expected = ["collect", "pack", "ship"].map { "[coldchain] \($0) siem \(day) done on box" }
            #expect(titles.sorted() == expected.map { "*\($0)*" })
            #expect(subjects.sorted() == expected)
            let shown = try await box(
                """
                for stage in collect pack ship; do
                    systemctl show "coldchain-$stage@siem.service" --value \\
                        -p ExecMainStartTimestampMonotonic -p ExecMainExitTimestampMonotonic
                done
                """)
            let moments = shown.lines.compactMap { Int64($0) }
            #expect(moments.count == 6 && moments == moments.sorted(), "\(moments)")
            let kept = try await box(
                """
                set -eu
                cd /srv/archive/siem/acme/*/*/*
                sha256sum -c --quiet web1.sha256
                tar -xzOf web1.tar.gz acme/web1/app.log
                runuser -u coldchain -- ship status siem
                systemctl --failed --no-legend
                """)
            #expect(kept.status == 0 && kept.lines.first == "a line", "\(kept)")
            #expect(kept.lines.count { $0.contains(" done ") } == 3, "\(kept)")
            #expect(kept.lines.count == 5, "\(kept)")
            for unit in ["collect@siem", "pack@siem", "ship@siem"] {
                let (warnings, messages) = (
                    try await box.said("warning", unit), try await box.said("info", unit)
                )
                #expect(warnings == [])
                #expect(messages.contains { $0.contains("done") }, "\(messages)")
            }
            let shownStatus = try await box("systemctl show coldchain-collect@siem.service -p StatusText --value")
            #expect(shownStatus.output.contains("collect siem "), "\(shownStatus)")
            // A later start finds nothing, and nobody has to know. The timers, which are due again and again, are out of it.
            _ = try await box(
                """
                systemctl stop 'coldchain-*.timer'
                for try in $(seq 200); do
                    busy=$(systemctl list-jobs --no-legend; systemctl list-units --no-legend --state=activating)
                    [ -n "$busy" ] || break
                    sleep 0.05
                done
                """)
            let again = try await box.start("ship@siem")
            #expect(again.told == [] && again.state["ExecMainStatus"] == "0")
        }

        @Test(
            "Failed and partial runs are told with their journal; one that is to be tried later is not, nor is it failed"
        )
        func trouble() async throws {
            let box = try await SystemdServer()
            let day = try await box("date -u -d yesterday +%Y%m%d").lines.first ?? ""
            let why = "web2: open /mnt/web2/\(day): no such file or directory"

            let gone = try await box.start("collect@gone")
            #expect(gone.state == ["Result": "exit-code", "ExecMainStatus": "1", "ActiveState": "failed"])
            #expect(gone.told.count == 1)
            let text = gone.told.first ?? ""
            #expect(
                text.hasPrefix("*[coldchain] collect gone ") && text.contains(" FAILED, 1 failed on box*\n"), "\(text)")
            #expect(text.contains("\ncollect gone: ended with status 1\n") && text.contains(why), "\(text)")
            #expect(text.contains("\nTo do it again:\n  collect gone --run "), "\(text)")
            let errors = try await box.said("err", "collect@gone")
            let all = try await box.said("info", "collect@gone")
            // The levels are systemd's, and not left in the text.
            #expect(errors.count == 1 && errors[0].hasPrefix(why), "\(errors)")
            #expect(all.count > 1 && !all.contains { $0.hasPrefix("<") }, "\(all)")

            let half = try await box.start("collect@half")
            #expect(half.state == ["Result": "exit-code", "ExecMainStatus": "3", "ActiveState": "failed"])
            #expect(half.told.count == 1)
            let part = half.told.first ?? ""
            #expect(
                part.hasPrefix("*[coldchain] collect half ") && part.contains(" partial, 1 failed on box*\n"), "\(part)"
            )
            #expect(part.contains(why), "\(part)")

            let unknown = try await box.start("pack@nosuch")
            let title = unknown.told.first ?? ""
            #expect(title.hasPrefix("*[coldchain] pack nosuch FAILED on box*\n"), "\(unknown)")
            #expect(title.contains("unknown job 'nosuch'"), "\(unknown)")

            // systemd forgets the exit status of a unit that nothing refers to, as its timer does.
            let paused = try await box(
                #"""
                set -eu
                mkdir /etc/systemd/system/coldchain-collect@.timer.d
                printf '[Timer]\nOnCalendar=\nOnActiveSec=1h\n' >/etc/systemd/system/coldchain-collect@.timer.d/late.conf
                systemctl daemon-reload
                systemctl start coldchain-collect@siem.timer
                runuser -u coldchain -- collect pause siem --why 'a test'
                """#)
            #expect(paused.status == 0, "\(paused)")
            for _ in 1...3 {
                let later = try await box.start("collect@siem")
                #expect(later.state == ["Result": "success", "ExecMainStatus": "75", "ActiveState": "inactive"])
                #expect(later.told == [])
            }
            let notices = try await box.said("info", "collect@siem")
            #expect(notices.contains { $0.contains("paused") && $0.contains("a test") }, "\(notices)")

            // Stopped in the middle of its work: no failure, and told as what it is.
            let before = try box.told().count
            let stopped = try await box(
                #"""
                set -u
                runuser -u coldchain -- collect resume siem >/dev/null
                printf 'ready = "_READY"\n' >>/etc/coldchain/jobs.d/siem.toml
                mkdir /etc/systemd/system/coldchain-collect@siem.service.d
                printf '[Service]\nExecStart=\nExecStart=/usr/local/bin/collect siem --wait 1h\n' \
                    >/etc/systemd/system/coldchain-collect@siem.service.d/wait.conf
                systemctl daemon-reload
                systemctl start --no-block coldchain-collect@siem.service
                for try in $(seq 200); do
                    if grep -qs '"running"' /srv/staging/siem/*/collect.json; then break; fi
                    sleep 0.05
                done
                systemctl stop coldchain-collect@siem.service
                for try in $(seq 200); do
                    busy=$(systemctl list-jobs --no-legend; systemctl list-units --no-legend --state=activating)
                    [ -n "$busy" ] || break
                    sleep 0.05
                done
                systemctl show coldchain-collect@siem.service -p Result -p ExecMainStatus -p ActiveState
                systemctl --failed --no-legend | grep -c collect@siem
                """#)
            #expect(
                stopped.lines == [
                    "Result=success", "ExecMainStatus=143", "ActiveState=inactive", "0",
                ], "\(stopped)")
            let words = try box.told().dropFirst(before)
            #expect(words.count == 1, "\(words)")
            let first = String((words.first ?? "").prefix { $0 != "\n" })
            #expect(first.hasPrefix("*[coldchain] collect siem ") && first.contains(" partial"), "\(words)")
            #expect(words.first?.contains("was stopped; the next start goes on") == true, "\(words)")

            // What failed goes on as soon as its cause is gone.
            let mended = try await box("mkdir /mnt/web2 && cp -a /mnt/web1/. /mnt/web2")
            #expect(mended.status == 0, "\(mended)")
            let good = try await box.start("collect@gone")
            #expect(good.state == ["Result": "success", "ExecMainStatus": "0", "ActiveState": "inactive"])
            let success = good.told.first ?? ""
            #expect(
                success.hasPrefix("*[coldchain] collect gone ") && success.contains(" done on box*\n"), "\(success)")
        }
    }
}
