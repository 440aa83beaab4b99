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
        // MARK: A server

        /// What a sysadmin does on a new server, with a mail program and a chat server that keep what they get.
        ///
        /// Job siem has a tree that only root may read, job gone has none, and job half has one of two.
        private static let setUp = #"""
            set -eu
            cp -a /share/tree/. /
            id coldchain >/dev/null 2>&1 || useradd --system --user-group --home-dir /var/lib/coldchain \
                --shell /usr/sbin/nologin coldchain
            for place in /srv/staging /srv/archive /mnt/web1; do
                mkdir "$place"
                mount -t tmpfs tree "$place"
            done
            install -d -m 0700 -o coldchain -g coldchain /var/lib/coldchain /srv/staging
            install -d -m 0750 -o coldchain -g coldchain /srv/archive

            install -d /etc/coldchain/jobs.d
            printf 'min_free = "1 MiB"\n[vault.disk]\nurl = "file:///srv/archive"\n' >/etc/coldchain/coldchain.toml
            job() {
                printf 'kind = "hosts"\nhosts = [%s]\npath = "file:///mnt/{host}/{yyyy}{mm}{dd}"\n' "$2" \
                    >"/etc/coldchain/jobs.d/$1.toml"
            }
            job siem '"web1"'
            job half '"web1", "web2"'
            job gone '"web2"'
            # Should midnight pass, yesterday is today.
            for day in yesterday today; do
                tree=/mnt/web1/$(date -u -d $day +%Y%m%d)/acme
                install -d -m 0700 "$tree"
                echo "a line" >"$tree/app.log"
                chmod 600 "$tree/app.log"
            done

            chmod 755 /share
            install -d -m 1777 /share/mail /share/posts
            cat >/run/listen.py <<'END'
            import http.server, os, socketserver, threading
            class Mail(socketserver.StreamRequestHandler):
                count = 0
                def handle(self):
                    say = lambda text: self.wfile.write(text.encode() + b"\r\n")
                    say("220 box")
                    while line := self.rfile.readline():
                        word = line.strip().upper()
                        if word == b"DATA":
                            say("354 go on")
                            lines = []
                            while (line := self.rfile.readline()) != b".\r\n": lines.append(line.replace(b"\r", b""))
                            Mail.count += 1
                            with open("/share/mail.new", "wb") as file: file.write(b"".join(lines))
                            os.rename("/share/mail.new", "/share/mail/%04d" % Mail.count)
                        say("221 bye" if word == b"QUIT" else "250 ok")
                        if word == b"QUIT": return
            mail = socketserver.TCPServer(("127.0.0.1", 25), Mail)
            threading.Thread(target=mail.serve_forever, daemon=True).start()
            class Handler(http.server.BaseHTTPRequestHandler):
                count = 0
                def do_POST(self):
                    body = self.rfile.read(int(self.headers['Content-Length']))
                    Handler.count += 1
                    # Whole at once, for a reader who doesn't wait.
                    with open('/share/post', 'wb') as file: file.write(body)
                    os.rename('/share/post', '/share/posts/%04d' % Handler.count)
                    self.send_response(200)
                    self.end_headers()
            http.server.HTTPServer(('127.0.0.1', 8080), Handler).serve_forever()
            END
            systemd-run --quiet --unit=listen python3 /run/listen.py
            # The address of the chat is a secret, which the units get as a credential.
            printf 'http://127.0.0.1:8080/hook\n' | install -m 0600 /dev/stdin /etc/coldchain/chat
            install -d /etc/systemd/system/coldchain-notify@.service.d
            printf '[Service]\nLoadCredential=chat:/etc/coldchain/chat\n' \
                >/etc/systemd/system/coldchain-notify@.service.d/chat.conf
            {
                for event in success partial failure; do
                    [ $event != success ] || echo "[notify]"
                    echo "$event = [\"chat\", \"mail\"]"
                done
                printf '[notify.channel.chat]\nkind = "slack"\nurl = { credential = "chat" }\n'
                printf '[notify.channel.mail]\nkind = "mail"\nto = ["ops@example.net"]\n'
            } >>/etc/coldchain/coldchain.toml

            systemctl daemon-reload
            # All is mounted, so that no --local is needed.
            runuser -u coldchain -- collect init
            runuser -u coldchain -- collect check siem
            for try in $(seq 100); do
                if (: >/dev/tcp/127.0.0.1/8080) 2>/dev/null; then exit 0; fi
                sleep 0.05
            done
            echo "nobody listens" >&2
            exit 1
            """#

        /// Installs the programs below test into a new box, as `make install` does.
        private func server() async throws -> SystemdBox {
            let box = try await SystemdBox()
            let bin = Pipeline.split(Program.collect.path).directory
            let installed = try await run(
                [
                    "make", "--no-print-directory", "-C", Repository.root, "install", "RELEASE=\(bin)",
                    "DESTDIR=\(box.share)/tree", "PREFIX=/usr/local",
                ], environment: ["MAKEFLAGS": nil, "MAKELEVEL": nil])
            try #require(installed.status == 0, "\(installed)")
            let made = try await box(Self.setUp)
            try #require(made.status == 0, "\(made)")
            return box
        }

        // MARK: What people are told

        private struct Post: Decodable {
            var text: String
        }

        /// The texts that were posted, in their order.
        private func told(_ box: SystemdBox) throws -> [String] {
            let posts = try Directory.open(box.share + "/posts")
            return try posts.names().sorted().map { name in
                try JSONDecoder().decode(Post.self, from: Data(try posts.readFile(name))).text
            }
        }

        /// The subjects of the mails.
        private func mailed(_ box: SystemdBox) throws -> [String] {
            let mails = try Directory.open(box.share + "/mail")
            return try mails.names().compactMap { name in
                String(decoding: try mails.readFile(name), as: UTF8.self).split(separator: "\n")
                    .first { $0.hasPrefix("Subject: ") }.map { String($0.dropFirst("Subject: ".count)) }
            }
        }

        /// Starts a unit of a job, and waits for it and for what tells how it ended.
        ///
        /// - Returns: what that told, and how the unit stands.
        private func start(_ unit: String, _ box: SystemdBox) async throws -> (told: [String], state: [String: String])
        {
            let before = try told(box)
            let result = try await box(
                """
                unit=$1
                systemctl start "$unit.service"
                # Either of them runs behind it.
                for try in $(seq 200); do
                    jobs=$(systemctl list-jobs --no-legend)
                    busy=$(systemctl list-units --no-legend --state=activating)
                    [ -n "$jobs$busy" ] || break
                    sleep 0.05
                done
                systemctl show "$unit.service" -p Result -p ExecMainStatus -p ActiveState
                """, ["coldchain-" + unit])
            var state: [String: String] = [:]
            for line in result.lines {
                let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
                if parts.count == 2 { state[parts[0]] = parts[1] }
            }
            return (Array(try told(box).dropFirst(before.count)), state)
        }

        /// What a program said in a unit, from a priority upward.
        private func said(_ priority: String, _ unit: String, _ box: SystemdBox) async throws -> [String] {
            let program = String(unit.prefix { $0 != "@" })
            return try await box(
                """
                journalctl --sync
                journalctl --quiet --no-pager -o cat -p "$1" "_SYSTEMD_UNIT=coldchain-$2.service" "_COMM=$3"
                """, [priority, unit, program]
            ).lines
        }

        // MARK: Tests

        @Test("systemd finds nothing to complain of in the units")
        func verify() async throws {
            let box = try await server()
            let result = try await box("systemd-analyze verify --man=no /usr/local/lib/systemd/system/coldchain-*")
            #expect(result.status == 0 && result.errors.isEmpty && result.output.isEmpty, "\(result)")
        }

        @Test("The timers run collect, pack and ship in this order, and each success is told once")
        func night() async throws {
            let box = try await server()
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
                try told(box).count == 3 && mailed(box).count == 3
            }
            let texts = try told(box)
            #expect(isTold, "\(texts)")
            let titles = texts.map { String($0.prefix { $0 != "\n" }) }
            let subjects = try mailed(box)
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
                    try await said("warning", unit, box), try await said("info", unit, box)
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
            let again = try await start("ship@siem", box)
            #expect(again.told == [] && again.state["ExecMainStatus"] == "0")
        }

        @Test(
            "Failed and partial runs are told with their journal; one that is to be tried later is not, nor is it failed"
        )
        func trouble() async throws {
            let box = try await server()
            let day = try await box("date -u -d yesterday +%Y%m%d").lines.first ?? ""
            let why = "web2: open /mnt/web2/\(day): no such file or directory"

            let gone = try await start("collect@gone", box)
            #expect(gone.state == ["Result": "exit-code", "ExecMainStatus": "1", "ActiveState": "failed"])
            #expect(gone.told.count == 1)
            let text = gone.told.first ?? ""
            #expect(
                text.hasPrefix("*[coldchain] collect gone ") && text.contains(" FAILED, 1 failed on box*\n"), "\(text)")
            #expect(text.contains("\ncollect gone: ended with status 1\n") && text.contains(why), "\(text)")
            #expect(text.contains("\nTo do it again:\n  collect gone --run "), "\(text)")
            let errors = try await said("err", "collect@gone", box)
            let all = try await said("info", "collect@gone", box)
            // The levels are systemd's, and not left in the text.
            #expect(errors.count == 1 && errors[0].hasPrefix(why), "\(errors)")
            #expect(all.count > 1 && !all.contains { $0.hasPrefix("<") }, "\(all)")

            let half = try await start("collect@half", box)
            #expect(half.state == ["Result": "exit-code", "ExecMainStatus": "3", "ActiveState": "failed"])
            #expect(half.told.count == 1)
            let part = half.told.first ?? ""
            #expect(
                part.hasPrefix("*[coldchain] collect half ") && part.contains(" partial, 1 failed on box*\n"), "\(part)"
            )
            #expect(part.contains(why), "\(part)")

            let unknown = try await start("pack@nosuch", box)
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
                let later = try await start("collect@siem", box)
                #expect(later.state == ["Result": "success", "ExecMainStatus": "75", "ActiveState": "inactive"])
                #expect(later.told == [])
            }
            let notices = try await said("info", "collect@siem", box)
            #expect(notices.contains { $0.contains("paused") && $0.contains("a test") }, "\(notices)")

            // Stopped in the middle of its work: no failure, and told as what it is.
            let before = try told(box).count
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
            let words = try told(box).dropFirst(before)
            #expect(words.count == 1, "\(words)")
            let first = String((words.first ?? "").prefix { $0 != "\n" })
            #expect(first.hasPrefix("*[coldchain] collect siem ") && first.contains(" partial"), "\(words)")
            #expect(words.first?.contains("was stopped; the next start goes on") == true, "\(words)")

            // What failed goes on as soon as its cause is gone.
            let mended = try await box("mkdir /mnt/web2 && cp -a /mnt/web1/. /mnt/web2")
            #expect(mended.status == 0, "\(mended)")
            let good = try await start("collect@gone", box)
            #expect(good.state == ["Result": "success", "ExecMainStatus": "0", "ActiveState": "inactive"])
            let success = good.told.first ?? ""
            #expect(
                success.hasPrefix("*[coldchain] collect gone ") && success.contains(" done on box*\n"), "\(success)")
        }
    }
}
