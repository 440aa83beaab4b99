import FoundationEssentials
import Platform
import TestSupport
import Testing

/// A new server with the units as they are installed, under a real systemd, with a mail program and a chat server that
/// keep what they get.
struct SystemdServer: Sendable {
    let box: SystemdBox

    /// Installs the programs below test into a new box, as `make install` does, and sets it up.
    init() async throws {
        box = try await SystemdBox()
        let bin = Pipeline.split(Program.collect.path).directory
        let installed = try await run(
            [
                "make", "--no-print-directory", "-C", Repository.root, "install", "RELEASE=\(bin)",
                "DESTDIR=\(box.share)/tree", "PREFIX=/usr/local",
            ], environment: ["MAKEFLAGS": nil, "MAKELEVEL": nil])
        try #require(installed.status == 0, "\(installed)")
        let made = try await box(Self.setUp)
        try #require(made.status == 0, "\(made)")
    }

    /// Runs a script on it, as root.
    func callAsFunction(_ script: String, _ arguments: [String] = [], timeout: Double = 60) async throws -> RunResult {
        try await box(script, arguments, timeout: timeout)
    }

    /// What a sysadmin does on a new server.
    ///
    /// Job siem has a tree that only root may read, job gone has none, and job half has one of two.
    private static let setUp = #"""
        set -eu
        cp -a /share/tree/. /
        systemd-sysusers coldchain.conf
        systemd-tmpfiles --create coldchain.conf
        for place in /srv/staging /srv/archive /mnt/web1; do
            mkdir "$place"
            mount -t tmpfs tree "$place"
        done
        install -d -m 0700 -o coldchain -g coldchain /srv/staging
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

        cat >/run/calm.sh <<'END'
        # All units have ended, and whatever tells of them: several times in a row, since a unit that ends and one that tells
        # of it are seen by two looks.
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
        END

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
        printf 'http://127.0.0.1:8080/hook\n' | install -m 0600 /dev/stdin /etc/coldchain/credentials/chat
        # Nobody waits for minutes here.
        drop_in() { # UNIT
            install -d "/etc/systemd/system/coldchain-$1.d"
            cat >"/etc/systemd/system/coldchain-$1.d/soon.conf"
        }
        for stage in pack ship; do
            printf '[Unit]\nStartLimitBurst=2\n[Service]\nRestartSec=1s\nExecStart=\nExecStart=/usr/local/bin/%s %%i --follow --wait 5s\n' \
                $stage | drop_in $stage@.service
        done
        for stage in collect pack ship; do
            printf '[Timer]\nOnCalendar=\nOnActiveSec=100ms\nRandomizedDelaySec=0\nAccuracySec=1ms\n' |
                drop_in $stage@.timer
        done
        {
            for event in success partial failure missing; do
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

    // MARK: What people are told

    private struct Post: Decodable {
        var text: String
    }

    /// The texts that were posted, in their order.
    func told() throws -> [String] {
        let posts = try Directory.open(box.share + "/posts")
        return try posts.names().sorted().map { name in
            try JSONDecoder().decode(Post.self, from: Data(try posts.readFile(name))).text
        }
    }

    /// The subjects of the mails.
    func mailed() throws -> [String] {
        let mails = try Directory.open(box.share + "/mail")
        return try mails.names().compactMap { name in
            String(decoding: try mails.readFile(name), as: UTF8.self).split(separator: "\n")
                .first { $0.hasPrefix("Subject: ") }.map { String($0.dropFirst("Subject: ".count)) }
        }
    }

    /// Starts a unit of a job, and waits for it and for what tells how it ended.
    ///
    /// - Returns: what that told, and how the unit stands.
    func start(_ unit: String) async throws -> (told: [String], state: [String: String]) {
        let before = try told()
        let result = try await box(
            """
            unit=$1
            systemctl start "$unit.service"
            . /run/calm.sh
            calm
            systemctl show "$unit.service" -p Result -p ExecMainStatus -p ActiveState
            """, ["coldchain-" + unit], timeout: 90)
        var state: [String: String] = [:]
        for line in result.lines {
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            if parts.count == 2 { state[parts[0]] = parts[1] }
        }
        return (Array(try told().dropFirst(before.count)), state)
    }

    /// What a program said in a unit, from a priority upward.
    func said(_ priority: String, _ unit: String) async throws -> [String] {
        let program = String(unit.prefix { $0 != "@" })
        return try await box(
            """
            journalctl --sync
            journalctl --quiet --no-pager -o cat -p "$1" "_SYSTEMD_UNIT=coldchain-$2.service" "_COMM=$3"
            """, [priority, unit, program]
        ).lines
    }
}
