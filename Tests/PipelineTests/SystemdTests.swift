import FoundationEssentials
import Platform
import TestSupport
import Testing

extension ServerTests {
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

        @Test("No service may do more than it needs, by systemd's own measure")
        func security() async throws {
            let box = try await SystemdServer()
            let result = try await box(
                """
                for unit in collect pack ship prune verify notify; do
                    systemd-analyze security --no-pager "coldchain-$unit@siem.service" | tail -n 1
                done
                systemd-analyze security --no-pager coldchain-watch.service | tail -n 1
                """)
            let exposures = result.lines.compactMap { line in
                line.split(separator: " ").compactMap { Double($0) }.first
            }
            #expect(exposures.count == 7 && exposures.allSatisfy { $0 <= 2.5 }, "\(result)")
        }

        @Test(
            "Failed and partial runs are told with their journal, and what was stopped as what it is"
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
            // The levels are systemd's, and not left in the text; advice has a line of its own.
            #expect(errors.count == 2 && errors[0].hasPrefix(why) && errors[1].hasPrefix("HINT: "), "\(errors)")
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

            // What staging's mount keeps from starting has no journal and no status of its own.
            let broken = try await box(
                #"""
                set -eu
                printf '[Mount]\nWhat=nothing\nWhere=/mnt/nowhere\nType=nosuchfs\n' >/etc/systemd/system/mnt-nowhere.mount
                place=/etc/systemd/system/coldchain-collect@siem.service.d
                mkdir $place
                printf '[Unit]\nRequiresMountsFor=/mnt/nowhere\n' >$place/mount.conf
                systemctl daemon-reload
                """#)
            #expect(broken.status == 0, "\(broken)")
            let unmet = try await box.start("collect@siem")
            let reason = unmet.told.first ?? ""
            #expect(unmet.told.count == 1 && reason.hasPrefix("*[coldchain] collect siem FAILED on box*\n"), "\(unmet)")
            #expect(reason.contains("\ncollect siem: was not started, since something that it needs"), "\(reason)")

            // Stopped in the middle of its work: no failure, and told as what it is.
            let before = try box.told().count
            let stopped = try await box(
                #"""
                set -u
                printf 'ready = "_READY"\n' >>/etc/coldchain/jobs.d/siem.toml
                rm /etc/systemd/system/coldchain-collect@siem.service.d/mount.conf
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
                    busy=$(systemctl list-jobs --no-legend; systemctl list-units --no-legend --state=activating 'coldchain-*')
                    [ -n "$busy" ] || break
                    sleep 0.05
                done
                systemctl show coldchain-collect@siem.service -p Result -p ActiveState
                systemctl --failed --no-legend | grep -c collect@siem
                """#)
            #expect(
                stopped.lines == [
                    "Result=success", "ActiveState=inactive", "0",
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
