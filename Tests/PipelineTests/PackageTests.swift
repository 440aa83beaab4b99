import Platform
import TestSupport
import Testing

extension ServerTests {
    /// The Debian package, on a system that has nothing but Debian.
    @Suite(
        .enabled("needs root, systemd boxes, dpkg-dev, lintian, debootstrap and the mirror that apt has here") {
            guard try await SystemdBox.isPossible() else { return false }
            return try await BareDebian.isPossible()
        })
    struct PackageTests {
        @Test(
            "On a bare Debian, what the manual says leads from an empty server to a verified night",
            .timeLimit(.minutes(20)))
        func install() async throws {
            let steps = try ManualCommands("coldchain.7", ".Ss From an empty server to the first verified night").blocks
                .map { block in
                    block.map { command in
                        command.replacing("JOB", with: "logs").replacing(" PATH ", with: " acme/web1/app.log ")
                            .replacing("2026-11-20", with: "$(date -u -d yesterday +%F)")
                    }
                }
            try #require(steps.map(\.count) == [3, 2, 4, 2, 4])
            let top = try TemporaryDirectory(in: "/var/tmp")
            let bin = Pipeline.split(Program.collect.path).directory
            // lintian has nothing to complain of, or this fails.
            let built = try await run(
                [Repository.root + "/scripts/deb.sh"], environment: ["BIN": bin, "OUT": top.path], timeout: 500)
            try #require(built.status == 0, "\(built)")
            let package = try #require(built.lines.last)
            let installed = try await run(
                [
                    "unshare", "--mount", "--propagation", "private", "bash", "-c", BareDebian.script, "bash", top.path,
                    package, steps[0][0],
                ], timeout: 500)
            try #require(installed.status == 0, "\(installed)")

            let box = try await SystemdBox(root: top.path + "/root")
            let before = try await box(
                """
                systemctl list-unit-files --no-legend --state=enabled 'coldchain-*'
                systemctl list-units --no-legend --all 'coldchain-*'
                find /var/lib/coldchain /etc/coldchain -mindepth 1 -not -path '*/coldchain.toml' -not -path '*/prices.toml'
                """)
            #expect(before.lines == ["/etc/coldchain/credentials", "/etc/coldchain/jobs.d"], "\(before)")
            let ready = try await box(
                """
                set -eux
                day=$(date -u -d yesterday +%Y%m%d)
                for place in /srv/staging /srv/archive /mnt/web1; do mkdir "$place"; mount -t tmpfs new "$place"; done
                install -d "/mnt/web1/$day/acme"
                echo "a line" >"/mnt/web1/$day/acme/app.log"
                \(steps[0].dropFirst().joined(separator: "\n"))
                # The two files that are edited.
                sed -i 's/^min_free = .*/min_free = "1 MiB"/' /etc/coldchain/coldchain.toml
                printf 'kind = "hosts"\\nhosts = ["web1"]\\npath = "file:///mnt/{host}/{yyyy}{mm}{dd}"\\n' \\
                    >/etc/coldchain/jobs.d/logs.toml
                \(steps[1].joined(separator: "\n"))
                \(steps[2][0])
                """)
            #expect(ready.status == 0 && !ready.output.contains("FAILED"), "\(ready)")
            let night = try await box(
                #"""
                set -eu
                \#(steps[3].joined(separator: "\n"))
                # The night comes at once.
                for stage in collect pack ship; do
                    install -d /etc/systemd/system/coldchain-$stage@.timer.d
                    printf '[Timer]\nOnCalendar=\nOnActiveSec=100ms\nRandomizedDelaySec=0\nAccuracySec=1ms\n' \
                        >/etc/systemd/system/coldchain-$stage@.timer.d/soon.conf
                done
                systemctl daemon-reload
                systemctl restart coldchain-collect@logs.timer coldchain-pack@logs.timer coldchain-ship@logs.timer
                for try in $(seq 400); do
                    if ls /srv/archive/logs/_ledger/*/*.sha256 >/dev/null 2>&1; then break; fi
                    sleep 0.1
                done
                for try in $(seq 400); do
                    systemctl is-active --quiet coldchain-collect@logs coldchain-pack@logs coldchain-ship@logs || break
                    sleep 0.1
                done
                # By hand there is nothing left to do.
                \#(steps[2].dropFirst().joined(separator: "\n"))
                \#(steps[4].joined(separator: "\n"))
                runuser -u coldchain -- collect check
                cmp /tmp/back/acme/web1/app.log /mnt/web1/*/acme/app.log
                cd /srv/archive/logs/acme/*/*/*
                tar -xzOf web1.tar.gz acme/web1/app.log
                """#)
            #expect(night.status == 0 && night.lines.last == "a line", "\(night)")
            let gone = try await box(
                """
                systemctl stop 'coldchain-*'
                echo secret >/etc/coldchain/credentials/slack
                dpkg --purge coldchain >/dev/null || exit 1
                ls -d /var/lib/coldchain/guards /etc/coldchain/credentials/slack /etc/coldchain/jobs.d/logs.toml
                ls /srv/archive/logs/acme/*/*/*/web1.tar.gz | wc -l
                id -un coldchain
                ls /usr/bin/collect /etc/coldchain/coldchain.toml /usr/lib/systemd/system/coldchain-collect@.service
                find /etc/systemd/system -name 'coldchain-*.timer' -type l
                """)
            #expect(
                gone.lines == [
                    "/etc/coldchain/credentials/slack", "/etc/coldchain/jobs.d/logs.toml", "/var/lib/coldchain/guards",
                    "1",
                    "coldchain",
                ], "\(gone)")
        }
    }
}
