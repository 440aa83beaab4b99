#!/usr/bin/env python3
"""Writes log text that looks like what real servers write, the same for the same seed.

    genlogs.py --size 1GiB --tenants 8 DIR               TENANT/CATEGORY/NAME.log, files of 1 to 256 MiB
    genlogs.py --small-files 100000 --file-size 4096 DIR  as many small files, 1000 to a directory

How a line comes about: a category has weighted templates, a template has fields, and every use of a field draws anew,
either from a pool of thousands of ready strings with a skewed distribution (addresses, users, paths, messages) or fresh
(ids, digests). Columns of fields are drawn, formatted and joined by the interpreter's C loops, which is what makes it
fast; no block of text is ever written twice.
"""

import argparse
import itertools
import math
import multiprocessing
import os
import random
import re
import sys
import time

POOL = 65536  # a pool is indexed by two random bytes
DISTINCT = 8192  # different values in it, so that they stay in the processor's cache
EPISODES = 16384  # templates used per batch


def parse_size(text):
    """'1GiB', '256 MiB', '4096' -> bytes."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:([KMGT])i?)?B?\s*", text, re.IGNORECASE)
    if not match:
        raise argparse.ArgumentTypeError(f"not a size: {text!r} (for example 1GiB)")
    return int(float(match[1]) * 1024 ** " KMGT".index((match[2] or " ").upper()))


# ---------------------------------------------------------------------------------------------------------------------
# Pools


def skewed(rng, values, power=3.0):
    """A pool in which early values are frequent and late ones rare."""
    count = len(values)
    return [values[int(count * rng.random() ** power)] for _ in range(POOL)]


WORDS = """account adapter address agent alert archive attempt balance batch bucket buffer cache cart catalog channel
checkout client cluster commit config connection consumer context cookie currency customer cursor database deadline
delivery device discount document domain download endpoint engine entity event export fallback feature field filter flag
gateway group handler header history image import index inventory invoice item job journal key language ledger license
limit listener location lock login mailbox manifest market message metric migration node notification object offer order
page partition password payment peer permission pipeline plan policy pool price printer product profile promotion proxy
query queue quota rate reader receipt record refund region registry reply replica report request reservation resource
result retry role route rule scheduler schema search segment sensor service session shard shipment signature snapshot
socket source statement station status storage stream subscription supplier table target task tax template tenant thread
ticket timeout token topic trace transaction transfer upload user validator value vault version voucher wallet warehouse
webhook worker""".split()
FIRST = """anna ben carla david emma felix greta hans ida jonas klara lukas marie nils olga paul rosa simon tina uwe vera
wim yara zoe james mary robert linda omar fatima wei li chen yuki kenji ana luis pedro ines ravi priya arjun""".split()
LAST = """mueller schmidt weber wagner becker hoffmann koch richter klein wolf schroeder neumann schwarz zimmermann braun
krueger hartmann lange werner krause lehmann koehler smith jones taylor brown garcia lopez silva santos kumar singh
tanaka sato kim park nguyen tran ivanov petrov novak horvat rossi russo""".split()
VERBS = """accepted acquired applied cached cancelled closed committed completed created deferred delivered dropped
enqueued evicted expired failed fetched flushed ignored loaded merged opened parsed published queued read rebuilt received
refreshed rejected released reloaded renewed replaced resolved restarted resumed retried scheduled sent skipped started
stored synced throttled updated validated written""".split()


class Pools:
    """The ready strings, made on first use, and the fresh fields. Every pool depends on the seed and its name alone."""

    def __init__(self, seed):
        self.seed = seed
        self.made = {}

    def pool(self, name):
        if name not in self.made:
            rng = random.Random(f"{self.seed}/pool/{name}")
            self.made[name] = getattr(self, "make_" + name)(rng)
        return self.made[name]

    def column(self, rng, name, count):
        """`count` values of a field."""
        if name == "uuid":
            text = rng.randbytes(16 * count).hex()
            return [
                f"{text[i:i + 8]}-{text[i + 8:i + 12]}-4{text[i + 13:i + 16]}-a{text[i + 17:i + 20]}-{text[i + 20:i + 32]}"
                for i in range(0, 32 * count, 32)
            ]
        fresh = re.fullmatch(r"hex(\d+)", name)
        if fresh:
            width = int(fresh[1])
            text = rng.randbytes((width * count + 1) // 2).hex()
            return [text[i : i + width] for i in range(0, width * count, width)]
        indices = memoryview(rng.randbytes(2 * count)).cast("H")
        return list(map(self.pool(name).__getitem__, indices))

    # People and machines

    def make_user(self, rng):
        names = [f"{f[:rng.randint(1, 9)]}.{l}" for f in FIRST for l in LAST]
        rng.shuffle(names)
        return skewed(rng, ["deploy", "backup", "jenkins", "ansible"] + names, 5)

    def make_badname(self, rng):
        base = "admin root test oracle postgres ubuntu guest ftp git mysql nagios pi support user web www".split()
        return skewed(rng, base + [b + str(rng.randint(1, 999)) for b in base for _ in range(8)], 4)

    def make_host(self, rng):
        return skewed(rng, [f"{r}{n:02d}" for r in ("app", "web", "db", "mx", "node") for n in range(1, 9)], 4)

    def make_ip(self, rng):
        return skewed(rng, [f"{rng.randint(2, 223)}.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"
                            for _ in range(20000)], 4)

    def make_lan(self, rng):
        return skewed(rng, [f"10.{rng.randint(0, 31)}.{rng.randint(0, 63)}.{rng.randint(1, 254)}" for _ in range(2000)], 3)

    def make_mail(self, rng):
        domains = ["example.com", "example.org", "example.net"] + [
            f"{rng.choice(WORDS)}-{rng.choice(WORDS)}.{rng.choice(['com', 'net', 'de', 'org', 'co.uk'])}" for _ in range(900)]
        return skewed(rng, [f"{rng.choice(FIRST)}.{rng.choice(LAST)}{rng.choice(['', rng.randint(1, 99)])}@"
                            f"{domains[int(len(domains) * rng.random() ** 3)]}" for _ in range(20000)], 4)

    def make_relay(self, rng):
        return skewed(rng, [f"mx{rng.randint(1, 9)}.{rng.choice(WORDS)}-{rng.choice(WORDS)}.example[{rng.randint(2, 223)}."
                            f"{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}]:25" for _ in range(3000)], 4)

    def make_city(self, rng):
        return skewed(rng, [a + b for a in ("Nor", "Sud", "Ber", "Lan", "Har", "Wes", "Kal", "Mon") for b in (
            "burg", "feld", "ton", "ville", "stad", "heim", "port", "grad", "mouth", "by")], 2)

    # Numbers

    def make_pid(self, rng):
        return skewed(rng, [str(rng.randint(300, 262143)) for _ in range(DISTINCT)], 4)

    def make_port(self, rng):
        return skewed(rng, [str(rng.randint(1024, 65535)) for _ in range(DISTINCT)], 1)

    def make_num(self, rng):
        return skewed(rng, [str(int(10 ** rng.uniform(0, 6))) for _ in range(DISTINCT)], 1)

    def make_small(self, rng):
        return skewed(rng, [str(int(rng.expovariate(1 / 6))) for _ in range(DISTINCT)], 1)

    def make_ms(self, rng):
        return skewed(rng, [f"{rng.lognormvariate(3, 1.2):.3f}" for _ in range(DISTINCT)], 1)

    def make_delay(self, rng):
        return skewed(rng, [f"{rng.lognormvariate(0, 1):.2g}" for _ in range(DISTINCT)], 1)

    def make_bytes(self, rng):
        return skewed(rng, [str(int(rng.lognormvariate(8, 1.8))) for _ in range(DISTINCT)], 1)

    def make_amount(self, rng):
        return skewed(rng, [f"{rng.lognormvariate(3.5, 1):.2f}" for _ in range(DISTINCT)], 1)

    def make_id(self, rng):
        return skewed(rng, [str(rng.randint(10**6, 10**8)) for _ in range(40000)], 4)

    def make_uptime(self, rng):
        return skewed(rng, [f"{rng.randint(10000, 2000000)}.{rng.randint(0, 999999):06d}" for _ in range(DISTINCT)], 1)

    def make_qid(self, rng):
        return skewed(rng, [f"4{rng.randint(16**4, 16**5 - 1):X}{rng.choice('ghjkmnpqrstvwxyz')}{rng.randint(10**4, 10**5 - 1)}Z"
                            for _ in range(DISTINCT)], 1)

    def make_b64(self, rng):
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        return skewed(rng, ["".join(rng.choices(alphabet, k=43)) for _ in range(3000)], 6)

    # Words

    def make_unit(self, rng):
        return skewed(rng, [f"{rng.choice(WORDS)}-{rng.choice(WORDS)}.{rng.choice(['service', 'service', 'timer', 'scope'])}"
                            for _ in range(600)], 4)

    def make_cron(self, rng):
        return skewed(rng, [f"/usr/local/bin/{rng.choice(WORDS)}-{rng.choice(WORDS)} --{rng.choice(WORDS)}={rng.randint(1, 99)}"
                            " >/dev/null 2>&1" for _ in range(400)], 4)

    def make_command(self, rng):
        tools = ["/usr/bin/systemctl restart", "/usr/bin/journalctl -u", "/usr/bin/tail -f /var/log", "/usr/bin/apt-get install",
                 "/usr/bin/docker logs", "/bin/cat /etc"]
        return skewed(rng, [f"{rng.choice(tools)} {rng.choice(WORDS)}-{rng.choice(WORDS)}" for _ in range(2000)], 4)

    def make_word(self, rng):
        return skewed(rng, WORDS, 2.5)

    def make_service(self, rng):
        return skewed(rng, [f"{rng.choice(WORDS)}-{rng.choice(['api', 'worker', 'service', 'gateway'])}" for _ in range(40)], 4)

    def make_version(self, rng):
        return skewed(rng, [f"{rng.randint(1, 9)}.{rng.randint(0, 40)}.{rng.randint(0, 12)}" for _ in range(60)], 5)

    def make_level(self, rng):
        return skewed(rng, ["info"] * 12 + ["debug"] * 5 + ["warn"] * 2 + ["error"], 1.2)

    def make_message(self, rng):
        def sentence():
            a, b, c = rng.choice(WORDS), rng.choice(WORDS), rng.choice(WORDS)
            n, m = int(10 ** rng.uniform(0, 5)), rng.randint(1, 64)
            return rng.choice([
                f"{a} {rng.choice(VERBS)} for {b} {n}",
                f"{a} {b} {rng.choice(VERBS)}, {c} {n} of {n + m}",
                f"could not reach {a}-{b} after {m} attempts, {c} {rng.choice(VERBS)}",
                f"{rng.choice(VERBS)} {n} {a} rows from {b} in {m} ms",
                f"{a} {rng.choice(VERBS)}",
                f"slow {a} on {b}: {n} ms, threshold {m}00 ms",
                f"{a} {n} {rng.choice(VERBS)} by {rng.choice(FIRST)}.{rng.choice(LAST)}",
            ])

        return skewed(rng, [sentence() for _ in range(DISTINCT)], 4)

    def make_class(self, rng):
        return skewed(rng, [f"com.example.{rng.choice(WORDS)}.{rng.choice(WORDS).title()}{rng.choice(WORDS).title()}"
                            for _ in range(1500)], 4)

    # The web

    def make_method(self, rng):
        return skewed(rng, ["GET"] * 14 + ["POST"] * 4 + ["PUT", "DELETE", "HEAD"], 1)

    def make_status(self, rng):
        return skewed(rng, ["200"] * 30 + ["304"] * 6 + ["302"] * 3 + ["404"] * 3 + ["403", "499", "500", "502"], 1)

    def make_path(self, rng):
        def path():
            a, b = rng.choice(WORDS), rng.choice(WORDS)
            return rng.choice([
                f"/api/v{rng.randint(1, 3)}/{a}s/{rng.randint(1, 10**6)}",
                f"/api/v{rng.randint(1, 3)}/{a}s?page={rng.randint(1, 400)}&limit={rng.choice([20, 50, 100])}",
                f"/static/js/{a}.{rng.randrange(16**8):08x}.js",
                f"/static/img/{a}/{b}-{rng.randint(1, 5000)}.webp",
                f"/{a}/{b}.html",
                f"/shop/{a}/{b}-{rng.randint(1000, 99999)}?ref={rng.choice(WORDS)}",
                f"/search?q={a}+{b}&sort={rng.choice(['price', 'date', 'score'])}",
                "/healthz",
            ])

        return skewed(rng, [path() for _ in range(30000)], 4)

    def make_referer(self, rng):
        return skewed(rng, ["-"] * 800 + [f"https://www.{rng.choice(WORDS)}-{rng.choice(WORDS)}.example/{rng.choice(WORDS)}/"
                                          f"{rng.choice(WORDS)}" for _ in range(4000)], 2)

    def make_agent(self, rng):
        def agent():
            major = rng.randint(88, 131)
            return rng.choice([
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                f"Chrome/{major}.0.{rng.randint(0, 6800)}.{rng.randint(0, 200)} Safari/537.36",
                f"Mozilla/5.0 (X11; Linux x86_64; rv:{major}.0) Gecko/20100101 Firefox/{major}.0",
                f"Mozilla/5.0 (iPhone; CPU iPhone OS {rng.randint(13, 18)}_{rng.randint(0, 6)} like Mac OS X) AppleWebKit/605.1.15 "
                f"(KHTML, like Gecko) Version/{rng.randint(13, 18)}.{rng.randint(0, 6)} Mobile/15E148 Safari/604.1",
                f"curl/{rng.randint(7, 8)}.{rng.randint(0, 88)}.0",
                f"Mozilla/5.0 (compatible; {rng.choice(WORDS).title()}Bot/{rng.randint(1, 4)}.{rng.randint(0, 9)}; +https://bot.example/)",
            ])

        return skewed(rng, [agent() for _ in range(700)], 3)


# ---------------------------------------------------------------------------------------------------------------------
# Templates: weight and text. $ts is the moment, $later a few milliseconds after it; a name may carry a digit behind an
# underscore ($ip_2) to draw another value. Lines of one template stay together, as bursts of one process do.

SYSLOG = [
    (14, "$ts $host sshd[$pid]: Accepted publickey for $user from $lan port $port ssh2: ED25519 SHA256:$b64\n"
         "$ts $host sshd[$pid]: pam_unix(sshd:session): session opened for user $user(uid=$small) by (uid=0)\n"),
    (20, "$ts $host sshd[$pid]: Failed password for invalid user $badname from $ip port $port ssh2\n"),
    (12, "$ts $host sshd[$pid]: Connection closed by invalid user $badname $ip port $port [preauth]\n"),
    (10, "$ts $host sshd[$pid]: Received disconnect from $ip port $port:11: Bye Bye [preauth]\n"
         "$ts $host sshd[$pid]: Disconnected from authenticating user root $ip port $port [preauth]\n"),
    (16, "$ts $host CRON[$pid]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)\n"
         "$ts $host CRON[$pid_2]: (root) CMD ($cron)\n"
         "$ts $host CRON[$pid]: pam_unix(cron:session): session closed for user root\n"),
    (16, "$ts $host systemd[1]: Started $unit - $message.\n"),
    (14, "$ts $host systemd[1]: $unit: Deactivated successfully.\n"
        "$ts $host systemd[1]: $unit: Consumed ${ms}s CPU time.\n"),
    (5, "$ts $host kernel: [$uptime] [UFW BLOCK] IN=eth0 OUT= MAC=52:54:00:$hex2:$hex2_2:$hex2_3:08:00 SRC=$ip DST=$lan LEN=$num "
         "TOS=0x00 PREC=0x00 TTL=$small ID=$port_2 DF PROTO=TCP SPT=$port DPT=$num_2 WINDOW=$port_3 RES=0x00 SYN URGP=0\n"),
    (4, "$ts $host kernel: [$uptime] audit: type=1400 audit($uptime_2:$num): apparmor=\"DENIED\" operation=\"open\" "
        "profile=\"$word\" name=\"/proc/$pid/status\" pid=$pid_2 comm=\"$word_2\" requested_mask=\"r\" denied_mask=\"r\"\n"),
    (6, "$ts $host sudo[$pid]: $user : TTY=pts/$small ; PWD=/home/$user ; USER=root ; COMMAND=$command\n"),
    (10, "$ts $host dhclient[$pid]: DHCPREQUEST for $lan on eth0 to $lan_2 port 67\n"
         "$ts $host dhclient[$pid]: DHCPACK of $lan from $lan_2 (xid=0x$hex8)\n"),
    (10, "$ts $host $service[$pid]: $message\n"),
]
MAIL = [
    (10, "$ts mx01 postfix/smtpd[$pid]: connect from $relay\n"
         "$ts mx01 postfix/smtpd[$pid]: $qid: client=$relay\n"
         "$ts mx01 postfix/cleanup[$pid_2]: $qid: message-id=<$uuid@$word.example>\n"
         "$ts mx01 postfix/qmgr[$port]: $qid: from=<$mail>, size=$bytes, nrcpt=1 (queue active)\n"
         "$ts mx01 postfix/smtpd[$pid]: disconnect from $relay ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7\n"),
    (10, "$ts mx01 postfix/smtp[$pid]: $qid: to=<$mail>, relay=$relay, delay=$delay, delays=$delay_2/0.01/$delay_3/$delay_4, "
         "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as $qid_2)\n"
         "$ts mx01 postfix/qmgr[$port]: $qid: removed\n"),
    (5, "$ts mx01 postfix/smtpd[$pid]: NOREQUEUE: reject: RCPT from unknown[$ip]: 554 5.7.1 Service unavailable; Client host [$ip] "
        "blocked using zen.blocklist.example; from=<$mail> to=<$mail_2> proto=ESMTP helo=<$word.$word_2.example>\n"),
    (4, "$ts mx01 dovecot: imap-login: Login: user=<$mail>, method=PLAIN, rip=$ip, lip=$lan, mpid=$pid, TLS, session=<$hex16>\n"),
    (3, "$ts mx01 dovecot: imap($mail)<$pid><$hex16>: Disconnected: Logged out in=$num out=$bytes deleted=0 expunged=$small\n"),
]
APP = [
    (10, '{"timestamp":"$ts","level":"$level","service":"$service","version":"$version","host":"$host","trace_id":"$hex32",'
         '"user":{"id":$id,"name":"$user","ip":"$ip","city":"$city"},"http":{"method":"$method","path":"$path","status":$status,'
         '"latency_ms":$ms,"bytes":$bytes},"message":"$message"}\n'
         '{"timestamp":"$later","level":"debug","service":"$service","version":"$version","host":"$host","trace_id":"$hex32",'
         '"logger":"$class","user":{"id":$id,"name":"$user"},"message":"$message_2"}\n'),
    (8, '{"timestamp":"$ts","level":"debug","service":"$service","version":"$version","host":"$host","trace_id":"$hex32",'
        '"logger":"$class","db":{"table":"${word}s","rows":$num,"duration_ms":$ms,"pool":{"active":$small,"idle":$small_2}},'
        '"message":"$message"}\n'
        '{"timestamp":"$later","level":"info","service":"$service","version":"$version","host":"$host","trace_id":"$hex32",'
        '"logger":"$class_2","message":"$message_2","duration_ms":$ms_2}\n'),
    (4, '{"timestamp":"$ts","level":"info","service":"$service","version":"$version","host":"$host","event":"order_$word",'
        '"order":{"id":"$uuid","customer":$id,"items":$small,"total":$amount,"currency":"EUR"},"tags":["$word_2","$word_3"],'
        '"message":"$message"}\n'),
    (1, '{"timestamp":"$ts","level":"error","service":"$service","version":"$version","host":"$host","trace_id":"$hex32",'
        '"exception":{"class":"${class}Exception","message":"$message","stack":["$class_2.run(${word}.java:$num)",'
        '"$class_3.invoke($word_2.java:$num_2)","$class_4.accept($word_3.java:$num_3)"]},"message":"$message_2"}\n'),
]
WEB = [
    (12, '$ip - - [$ts] "$method $path HTTP/1.1" $status $bytes "$referer" "$agent"\n'),
    (5, '$ip - - [$ts] "GET $path HTTP/2.0" 200 $bytes "$referer" "$agent"\n'
        '$ip - - [$ts] "GET $path_2 HTTP/2.0" 200 $bytes_2 "https://www.example.com$path" "$agent"\n'
        '$ip - - [$ts] "GET $path_3 HTTP/2.0" $status $bytes_3 "https://www.example.com$path" "$agent"\n'),
    (2, '$ip - $user [$ts] "POST /api/v2/${word}s/$id HTTP/1.1" 201 $bytes "-" "$agent"\n'),
]

# Name -> (templates, how a moment is written, stems of file names, share of the bytes)
CATEGORIES = {
    "syslog": (SYSLOG, "syslog", ["auth", "daemon", "kern", "messages"], 0.3),
    "app": (APP, "iso", ["orders", "checkout", "gateway", "billing"], 0.35),
    "web": (WEB, "clf", ["access", "edge-access", "static-access"], 0.25),
    "mail": (MAIL, "syslog", ["mail", "relay"], 0.1),
}
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
CLOCK = [f"{n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d}" for n in range(86_400)]
MILLISECONDS = [f"{n:03d}Z" for n in range(1000)]


def stamps(style, moments):
    """Milliseconds since the epoch, ascending, as text: the day is formatted once, the clock comes from a table."""
    texts = []
    for day, group in itertools.groupby(moments, lambda moment: moment // 86_400_000):
        t, base = time.gmtime(day * 86_400), day * 86_400_000
        if style == "syslog":
            head = f"{MONTHS[t.tm_mon - 1]} {t.tm_mday:2d} "
            texts += [head + CLOCK[(moment - base) // 1000] for moment in group]
        elif style == "clf":
            head = f"{t.tm_mday:02d}/{MONTHS[t.tm_mon - 1]}/{t.tm_year}:"
            texts += [f"{head}{CLOCK[(moment - base) // 1000]} +0000" for moment in group]
        else:
            head = f"{t.tm_year}-{t.tm_mon:02d}-{t.tm_mday:02d}T"
            texts += [f"{head}{CLOCK[(moment - base) // 1000]}.{MILLISECONDS[moment % 1000]}" for moment in group]
    return texts


class Template:
    """A text with $fields, turned into a % format and the columns that feed it."""

    def __init__(self, text):
        self.fields = []
        self.format = re.sub(r"\$(?:\{(\w+)\}|([a-z]+[0-9]*(?:_[0-9])?))", self.field, text.replace("%", "%%"))

    def field(self, match):
        self.fields.append(match[1] or match[2])
        return "%s"

    def lines(self, pools, rng, style, moments):
        """An iterator over one text per moment."""
        columns = {}
        for name in self.fields:
            if name in columns:
                continue
            if name == "ts":
                columns[name] = stamps(style, moments)
            elif name == "later":
                columns[name] = stamps(style, [m + 1 + gap for m, gap in zip(moments, rng.randbytes(len(moments)))])
            else:
                columns[name] = pools.column(rng, re.sub(r"_[0-9]$", "", name), len(moments))
        return map(self.format.__mod__, zip(*[columns[name] for name in self.fields]))


class Writer:
    """An endless stream of batches of one category. The text depends on the seed, the stream's name and `size`, which
    only sets how densely the lines lie so that a file covers about a day."""

    def __init__(self, pools, category, name, start, size):
        templates, self.style, _, _ = CATEGORIES[category]
        self.pools = pools
        self.rng = random.Random(f"{pools.seed}/{name}")
        self.templates = [Template(text) for _, text in templates]
        self.weights = [weight for weight, _ in templates]
        self.moment = start * 1000
        self.gap = max(1, 86_400_000 * 350 // max(size, 1))

    def batch(self, episodes=EPISODES):
        """About `episodes` uses of templates as bytes, in the order of time."""
        rng = self.rng
        # How often a template is used drifts from batch to batch, as the work of real servers does.
        table = bytes(rng.choices(range(len(self.weights)), [w * rng.uniform(0.4, 1.6) for w in self.weights], k=256))
        order = rng.randbytes(episodes).translate(table)
        gaps = [self.gap * int(-8 * math.log(1 - n / 256)) // 8 for n in range(256)]
        moments = list(itertools.accumulate(map(gaps.__getitem__, rng.randbytes(episodes)), initial=self.moment))
        self.moment = moments.pop()
        lines = []
        for index, template in enumerate(self.templates):
            chosen = order.translate(bytes(n == index for n in range(256)))
            lines.append(template.lines(self.pools, rng, self.style, list(itertools.compress(moments, chosen))))
        return "".join(map(next, map(lines.__getitem__, order))).encode("ascii")


# ---------------------------------------------------------------------------------------------------------------------
# Trees


POOLS = None  # made before the processes fork, filled by each


def write_big(task):
    """One log file of `size` bytes, cut at the end of a line where the size is reached."""
    path, category, name, start, size = task
    os.makedirs(os.path.dirname(path), exist_ok=True)
    writer = Writer(POOLS, category, name, start, size)
    left = size
    with open(path, "wb", buffering=0) as file:
        while left > 0:
            block = writer.batch(EPISODES if left > 1 << 20 else 2048)
            if len(block) > left:
                block = block[: block.rfind(b"\n", 0, left) + 1]
                left = 0
            write_all(file, block)
            left -= len(block)
    os.utime(path, (start + 86_399, start + 86_399))
    return os.path.getsize(path)


def write_small(task):
    """One directory of `count` files, each `size` bytes of lines."""
    directory, category, name, start, first, count, size = task
    os.makedirs(directory, exist_ok=True)
    writer = Writer(POOLS, category, name, start, count * size)
    text, offset = b"", 0
    for number in range(first, first + count):
        while len(text) - offset < size:
            text, offset = text[offset:] + writer.batch(2048), 0
        path = os.path.join(directory, f"{number:08d}.log")
        with open(path, "wb", buffering=0) as file:
            write_all(file, text[offset : offset + size])
        offset += size
        os.utime(path, (start + number % 86_400, start + number % 86_400))
    return count * size


def write_all(file, block):
    view = memoryview(block)
    while view:
        view = view[file.write(view) :]


def plan_big(options, start):
    """(path, category, name, start, size) of every file: sizes are spread evenly over the orders of magnitude."""
    tasks = []
    for tenant in range(1, options.tenants + 1):
        for category, (_, _, stems, share) in CATEGORIES.items():
            left = int(options.size / options.tenants * share)
            rng = random.Random(f"{options.seed}/plan/{tenant}/{category}")
            for number in itertools.count(1):
                size = min(left, int(2 ** rng.uniform(20, 28)))
                if left - size < 1 << 20:
                    size = min(left, 256 << 20)
                if size <= 0:
                    break
                name = f"tenant{tenant:02d}/{category}/{rng.choice(stems)}-{number:04d}.log"
                tasks.append((os.path.join(options.dir, name), category, name, start, size))
                left -= size
    return sorted(tasks, key=lambda task: -task[-1])


def plan_small(options, start):
    tasks = []
    names = list(CATEGORIES)
    for index, first in enumerate(range(0, options.small_files, 1000)):
        category = names[index // options.tenants % len(names)]
        name = f"tenant{index % options.tenants + 1:02d}/{category}/{index:05d}"
        count = min(1000, options.small_files - first)
        tasks.append((os.path.join(options.dir, name), category, name, start, first, count, options.file_size))
    return tasks


def generate(options):
    """Writes the tree and returns the number of files and of bytes."""
    global POOLS
    start = int(time.mktime(time.strptime(options.date + " UTC", "%Y-%m-%d %Z"))) - time.timezone
    small = options.small_files > 0
    tasks = plan_small(options, start) if small else plan_big(options, start)
    if not tasks:
        sys.exit("genlogs: nothing to write: give --size or --small-files")
    POOLS = Pools(options.seed)
    work = write_small if small else write_big
    if options.processes == 1 or len(tasks) == 1:
        total = sum(map(work, tasks))
    else:
        with multiprocessing.get_context("fork").Pool(options.processes) as pool:
            total = sum(pool.imap_unordered(work, tasks))
    return (options.small_files if small else len(tasks)), total


def arguments():
    parser = argparse.ArgumentParser(description="Write log text that looks real, the same for the same seed.")
    parser.add_argument("dir", metavar="DIR", help="where to write; created if missing")
    parser.add_argument("--size", type=parse_size, default=0, help="bytes of log text, for example 1GiB")
    parser.add_argument("--tenants", type=int, default=1, help="top directories (1)")
    parser.add_argument("--small-files", type=int, default=0, metavar="N", help="write N small files instead")
    parser.add_argument("--file-size", type=parse_size, default=4096, help="size of each small file (4096)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--date", default="2026-11-20", help="the day the lines are from (2026-11-20)")
    parser.add_argument("--processes", type=int, default=2)
    return parser


def main():
    options = arguments().parse_args()
    began = time.monotonic()
    files, total = generate(options)
    seconds = time.monotonic() - began
    print(f"{files} files, {total} bytes in {seconds:.1f} s: {total / seconds / 1e6:.0f} MB/s")


if __name__ == "__main__":
    main()
