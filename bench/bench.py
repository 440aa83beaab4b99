#!/usr/bin/env python3
"""Runs coldchain and the stock tools in turn on the same input, and prints what each took.

    bench.py [SUITE ...] [--size 1GiB] [--rounds 3] [--dir DIR] [--peers-only]
    SUITE: pack pack-fast pack-xz pack-small verify extract collect ship memory warehouse

How it measures. Every contender is one bash command line with pipefail, timed as a whole process tree: wall time by the
monotonic clock, user and system time by wait4 (which sums every waited descendant; a process left behind by the command
is an error), peak memory as the largest single process of the tree. Before each run the old output is deleted, the
input is read into the page cache and `sync` has returned. In every round each contender runs once, and the order turns
by one from round to round, so that a slow minute of the machine hits no contender alone. A speed ratio is the median
over the rounds of peer wall / our wall within one round.

To add a suite: write a function that takes a Bench and calls `bench.compare(...)`, and put it into SUITES.
"""

import argparse
import ctypes
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import shlex
import shutil
import socket
import statistics
import subprocess
import sys
import time
from typing import Callable, Optional

import gateway
import genlogs

RUN = "2025-11-20"
JOB = "bench"
MIB = 1 << 20
HERE = pathlib.Path(__file__).resolve().parent
PR_SET_CHILD_SUBREAPER = 36
SERVICES = set()  # servers that run beside the contenders


class BenchError(Exception):
    """A run that says nothing about speed: a command failed, a tool is missing."""


# ---------------------------------------------------------------------------------------------------------------------
# One run


@dataclasses.dataclass
class Sample:
    wall: float
    user: float
    system: float
    peak_rss: int  # bytes, of the largest process
    output: int = 0  # bytes

    @property
    def cpu(self):
        return self.user + self.system


def measure(command, log):
    """Runs one bash command line to its end and returns its Sample; its messages go to the file `log`.

    The kernel counts a process's memory from before its exec, so nothing smaller than this interpreter can be seen:
    that floor is printed with the machine.
    """
    with open(log, "wb") as messages:
        began = time.monotonic()
        # fork and exec by hand: wait4 must be ours, and subprocess would reap the child itself.
        pid = os.fork()
        if pid == 0:
            try:
                os.setsid()
                null = os.open(os.devnull, os.O_RDONLY)
                os.dup2(null, 0)
                os.dup2(messages.fileno(), 1)
                os.dup2(messages.fileno(), 2)
                os.execve("/bin/bash", ["bash", "-o", "pipefail", "-c", command], clean_environment())
            finally:
                os._exit(127)
        try:
            _, status, usage = os.wait4(pid, 0)
        except KeyboardInterrupt:
            os.killpg(pid, 15)
            raise
        wall = time.monotonic() - began
    # Orphans of the command are handed to this process (subreaper): their time would be missing from the sum.
    left = [child for child in children() if child not in SERVICES]
    for child in left:
        os.waitpid(child, 0)
    if left:
        raise BenchError(f"the command left processes behind, its time is not whole: {command}")
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        tail = pathlib.Path(log).read_text(errors="replace").strip().splitlines()[-12:]
        raise BenchError("\n  ".join([f"status {code} from: {command}", *tail]))
    return Sample(wall, usage.ru_utime, usage.ru_stime, usage.ru_maxrss * 1024)


def children():
    """The processes whose parent this one is now."""
    found = []
    for task in os.listdir("/proc/self/task"):
        found += map(int, pathlib.Path(f"/proc/self/task/{task}/children").read_text().split())
    return found


def clean_environment():
    """The same for everyone, and no setting of the user's own coldchain in it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("COLDCHAIN_") and k not in ("GZIP", "PIGZ", "TAR_OPTIONS")}
    return kept | {"LC_ALL": "C.UTF-8"}


def warm(tree):
    """Reads every file below `tree`, so that a run finds its input in the page cache."""
    buffer = bytearray(4 * MIB)
    for directory, _, names in os.walk(tree):
        for name in names:
            descriptor = os.open(os.path.join(directory, name), os.O_RDONLY | os.O_NOFOLLOW)
            try:
                while os.readv(descriptor, [buffer]):
                    pass
            finally:
                os.close(descriptor)


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def bytes_of(paths):
    return sum(os.path.getsize(path) for path in paths)


# ---------------------------------------------------------------------------------------------------------------------
# Contenders


@dataclasses.dataclass
class Contender:
    """One way to do the work. `outputs` lists the files it has made: they are deleted before a run, sized after it."""

    name: str
    command: str
    reads: str  # the tree to bring into the page cache
    outputs: Callable[[], list]
    ours: bool = False
    needs: tuple = ()  # programs that must be installed
    check: Optional[Callable[[], None]] = None  # untimed, after the first run
    weigh: Optional[Callable[[], int]] = None  # bytes of the output, where it isn't files

    def missing(self):
        return [program for program in self.needs if not shutil.which(program)]

    def run(self, log):
        for path in self.outputs():
            remove(path)
        warm(self.reads)
        os.sync()
        sample = measure(self.command, log)
        sample.output = self.weigh() if self.weigh else bytes_of(self.outputs())
        if sample.output == 0:
            raise BenchError(f"{self.name} wrote nothing")
        return sample


@dataclasses.dataclass
class Target:
    """A budget: `speed` times as fast as `peer` (or as the fastest of several) at least, output no larger than that of
    `smaller_than`, `memory` bytes of one process at most, `cpu` times the CPU of the thriftiest peer at most."""

    peer: str = ""
    speed: float = 0
    smaller_than: str = ""
    memory: int = 0
    best_of: tuple = ()
    cpu: float = 0


def peer(bench, name, pipeline, source, needs):
    out = str(bench.dir / "peer.out")
    command = f"{pipeline} > {shlex.quote(out)}"
    if bench.options.synced:
        command = f"{{ {command}; }} && sync {shlex.quote(out)}"
    return Contender(name, command, source, lambda: [out] if os.path.exists(out) else [], needs=needs)


def tar_peers(bench, source):
    """The pipelines that a backup script would use."""
    tar = f"tar c -C {shlex.quote(source)} ."
    return [
        peer(bench, "tar | pigz -6 -p2", f"{tar} | pigz -6 -p2", source, ("tar", "pigz")),
        peer(bench, "tar | pigz -6", f"{tar} | pigz -6", source, ("tar", "pigz")),
        peer(bench, "tar | igzip -1 -T2", f"{tar} | igzip -1 -T 2", source, ("tar", "igzip")),
        peer(bench, "tar | zstd -T2", f"{tar} | zstd -q -T2", source, ("tar", "zstd")),
        peer(bench, "bsdtar cz", f"bsdtar -cz -C {shlex.quote(source)} .", source, ("bsdtar",)),
        peer(bench, "tar cz", f"tar cz -C {shlex.quote(source)} .", source, ("tar", "gzip")),
    ]


class OurJob:
    """A complete job of ours below `root`, made the way a user would make it: two settings files, init, collect."""

    def __init__(self, bench, root, source, codec="gzip", level=None):
        self.bench = bench
        self.root = pathlib.Path(root)
        self.source = source
        self.codec = codec
        self.level = level or bench.options.level
        self.settings = self.root / "etc" / "coldchain.toml"
        self.run_directory = self.root / "staging" / JOB / RUN

    def prepare(self):
        """Writes the settings, plants the guards and collects once; returns what collect took."""
        remove(self.root)
        for name in ("etc/jobs.d", "staging", "state", "vault"):
            (self.root / name).mkdir(parents=True)
        # A TOML basic string and a JSON string agree on every path that is printable.
        quote = json.dumps
        self.settings.write_text(
            f"staging = {quote(str(self.root / 'staging'))}\n"
            f"state = {quote(str(self.root / 'state'))}\n"
            'min_free = "1 MiB"\n'
            "[vault.disk]\n"
            f"url = {quote('file://' + str(self.root / 'vault'))}\n")
        (self.settings.parent / "jobs.d" / f"{JOB}.toml").write_text(
            'kind = "hosts"\n'
            'vault = "disk"\n'
            'timezone = "UTC"\n'
            'hosts = ["bench"]\n'
            f"path = {quote('file://' + self.source)}\n"
            'layout = "{tenant}/{category}/**"\n'
            'unmatched = "fail"\n'
            'full_every = "30 days"\n'
            f"codec = {quote(self.codec)}\n"
            + (f"level = {quote(self.level)}\n" if self.codec == "gzip" else ""))
        log = self.bench.log("ours-prepare")
        measure(f"{self.tool('collect')} init --config {shlex.quote(str(self.settings))} --local", log)
        os.sync()
        return measure(self.command("collect"), log)

    def tool(self, name):
        path = self.bench.options.bin / name
        if not os.access(path, os.X_OK):
            raise BenchError(f"{path} is missing: run `make build`, or give --bin or --peers-only")
        return shlex.quote(str(path))

    def command(self, stage, *more):
        return " ".join([self.tool(stage), JOB, "--config", shlex.quote(str(self.settings)), "--run", RUN, *more])

    def archives(self):
        return sorted(map(str, (self.run_directory / "pack").rglob("*.tar*")))

    def made(self):
        """Everything that pack wrote beside its record: the archives and their sidecars."""
        return [str(p) for p in (self.run_directory / "pack").rglob("*") if p.is_file() and not p.is_symlink()]

    def check(self):
        """Stock tar must read every archive, and find every file of the source in them."""
        found = 0
        for archive in self.archives():
            listing = subprocess.run(["tar", "-tf", archive], stdout=subprocess.PIPE, check=False)
            if listing.returncode != 0:
                raise BenchError(f"tar cannot read {archive}")
            found += sum(1 for line in listing.stdout.splitlines() if line.endswith(b".log"))
        wanted = sum(name.endswith(".log") for _, _, names in os.walk(self.source) for name in names)
        if found != wanted:
            raise BenchError(f"{wanted} log files in the source, {found} in the archives")

    def contender(self):
        job = self

        class Ours(Contender):
            """Deletes all that pack made, but weighs only the archives, as the peers make no sidecars."""

            def run(self, log):
                for path in job.made():
                    remove(path)
                return super().run(log)

        what = self.level if self.codec == "gzip" else self.codec
        return Ours(f"coldchain pack ({what})", self.command("pack", "--force"),
                    str(self.run_directory / "collect"), self.archives, ours=True, check=self.check)


# ---------------------------------------------------------------------------------------------------------------------
# The harness


class Bench:
    def __init__(self, options):
        self.options = options
        self.dir = options.dir
        self.results = []
        self.failures = 0
        (self.dir / "logs").mkdir(parents=True, exist_ok=True)

    def log(self, name):
        return str(self.dir / "logs" / ("".join(c if c.isalnum() else "-" for c in name) + ".log"))

    def input(self, name, **parameters):
        """A generated tree, kept for the next time with a stamp that tells what is in it. Returns (path, files, bytes)."""
        tree, stamp = self.dir / "input" / name, self.dir / "input" / f"{name}.json"
        version = (HERE / "genlogs.py").stat().st_mtime_ns
        wanted = {"generator": version, **parameters}
        if stamp.exists() and json.loads(stamp.read_text())["made from"] == wanted and tree.is_dir():
            made = json.loads(stamp.read_text())
            return str(tree), made["files"], made["bytes"]
        remove(tree)
        remove(stamp)
        tree.mkdir(parents=True)
        flags = [f"--{key.replace('_', '-')}={value}" for key, value in parameters.items()]
        print(f"generating {name}: {' '.join(flags)}", flush=True)
        # In a process of its own, since every later run would inherit the generator's memory as its floor.
        subprocess.run([sys.executable, str(HERE / "genlogs.py"), *flags, str(tree)], check=True)
        files = [os.path.join(directory, file) for directory, _, names in os.walk(tree) for file in names]
        made = {"made from": wanted, "files": len(files), "bytes": bytes_of(files)}
        stamp.write_text(json.dumps(made))
        return str(tree), made["files"], made["bytes"]

    def compare(self, title, contenders, input_bytes, files, targets=(), rounds=None):
        """Runs all contenders in turn for --rounds rounds, prints the table and keeps the samples."""
        rounds = rounds or self.options.rounds
        print(f"\n{title}: {files} files, {human(input_bytes)}, {rounds} rounds", flush=True)
        missing = {c.name: c.missing() for c in contenders if c.missing()}
        for name, programs in missing.items():
            print(f"  missing: {name} ({', '.join(programs)} not installed)")
        able = [c for c in contenders if c.name not in missing]
        samples = {c.name: [] for c in able}
        failed = {}
        for number in range(rounds):
            turn = number % max(1, len(able))
            for contender in able[turn:] + able[:turn]:
                if contender.name in failed:
                    continue
                try:
                    sample = contender.run(self.log(f"{title}-{contender.name}"))
                    if number == 0 and contender.check:
                        contender.check()
                except BenchError as error:
                    failed[contender.name] = str(error)
                    self.failures += 1
                    print(f"  FAILED: {contender.name}: {error}", flush=True)
                    continue
                samples[contender.name].append(sample)
                print(f"  round {number + 1}: {contender.name}: {sample.wall:.2f} s", flush=True)
        done = [c for c in able if c.name not in failed]
        speeds = self.speeds(done, samples)
        self.table(done, samples, input_bytes, speeds)
        verdicts = self.verdicts(targets, done, samples, speeds)
        self.results.append({
            "suite": title, "files": files, "input_bytes": input_bytes, "missing": missing, "failed": failed,
            "contenders": [{"name": c.name, "ours": c.ours, "command": c.command, "speed_of_ours": speeds.get(c.name),
                            "samples": [dataclasses.asdict(s) for s in samples[c.name]]} for c in done],
            "budgets": verdicts,
        })

    @staticmethod
    def speeds(done, samples):
        """Peer name -> median over the rounds of peer wall / our wall."""
        ours = next((c for c in done if c.ours), None)
        if not ours:
            return {}
        return {c.name: statistics.median(p.wall / o.wall for p, o in zip(samples[c.name], samples[ours.name]))
                for c in done if not c.ours}

    @staticmethod
    def table(done, samples, input_bytes, speeds):
        rows = [["", "wall s", "min-max", "MB/s", "CPU s", "peak MiB", "output", "ratio", "ours is"]]
        for contender in done:
            runs = samples[contender.name]
            wall = median(runs, "wall")
            rows.append([
                contender.name, f"{wall:.2f}", f"{min(r.wall for r in runs):.2f}-{max(r.wall for r in runs):.2f}",
                f"{input_bytes / wall / 1e6:.0f}", f"{median(runs, 'cpu'):.2f}", f"{median(runs, 'peak_rss') / MIB:.0f}",
                human(median(runs, "output")), f"{input_bytes / median(runs, 'output'):.3f}",
                f"{speeds[contender.name]:.2f}x" if contender.name in speeds else "",
            ])
        print_table(rows)

    @staticmethod
    def verdicts(targets, done, samples, speeds):
        """Each budget against what was reached; printed, and kept with the results."""
        verdicts = []
        ours = next((c for c in done if c.ours), None)
        for target in targets if ours else ():
            if target.speed and target.peer in speeds:
                reached, wanted = speeds[target.peer], target.speed
                verdicts.append({"budget": f"speed at least {wanted:g}x {target.peer}", "reached": round(reached, 3),
                                 "met": reached >= wanted})
            peers = [c for c in done if c.name in target.best_of]
            if target.speed and peers:
                best = min(peers, key=lambda c: median(samples[c.name], "wall"))
                reached = speeds[best.name]
                verdicts.append({"budget": f"speed at least {target.speed:g}x the fastest peer ({best.name})",
                                 "reached": round(reached, 3), "met": reached >= target.speed})
            if target.cpu and peers:
                best = min(peers, key=lambda c: median(samples[c.name], "cpu"))
                reached = median(samples[ours.name], "cpu") / median(samples[best.name], "cpu")
                verdicts.append({"budget": f"CPU at most {target.cpu:g}x that of the thriftiest peer ({best.name})",
                                 "reached": round(reached, 3), "met": reached <= target.cpu})
            if samples.get(target.smaller_than):
                reached = median(samples[ours.name], "output") / median(samples[target.smaller_than], "output")
                verdicts.append({"budget": f"output no larger than that of {target.smaller_than} (ours / theirs)",
                                 "reached": round(reached, 4), "met": reached <= 1})
            if target.memory:
                reached = max(s.peak_rss for s in samples[ours.name])
                verdicts.append({"budget": f"at most {target.memory // MIB} MiB resident", "reached": round(reached / MIB, 1),
                                 "met": reached <= target.memory})
        print_verdicts(verdicts)
        return verdicts

    def write(self, facts):
        out = HERE / "out"
        out.mkdir(exist_ok=True)
        stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        path = out / f"{stamp}.json"
        path.write_text(json.dumps({"at": stamp, "machine": facts, "options": {k: str(v) for k, v in vars(self.options).items()},
                                    "results": self.results}, indent=2) + "\n")
        print(f"\nresults: {path}")


def median(samples, field):
    return statistics.median(getattr(sample, field) for sample in samples)


def human(count):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024


def print_table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [cell.ljust(width) if column == 0 else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        print("  " + "  ".join(cells).rstrip())


def print_verdicts(verdicts):
    for verdict in verdicts:
        print(f"  {'met   ' if verdict['met'] else 'SHORT '}  {verdict['budget']}: {verdict['reached']}")
    sys.stdout.flush()


# ---------------------------------------------------------------------------------------------------------------------
# Suites


SPEED = {"balanced": 2.0, "fast": 6.0}  # times `tar | pigz -6 -p2`, by level


def pack(bench):
    """Log text in one archive a tenant, against the tar pipelines."""
    options = bench.options
    source, files, size = bench.input("logs", size=options.size, tenants=options.tenants)
    contenders = tar_peers(bench, source)
    if not options.peers_only:
        job = OurJob(bench, bench.dir / "ours", source)
        job.prepare()
        contenders.insert(0, job.contender())
    targets = [Target("tar | pigz -6 -p2", SPEED[options.level])] if options.level in SPEED else []
    if options.level != "fast":
        targets.append(Target(smaller_than="tar cz"))
    bench.compare("pack", contenders, size, files, targets + [Target(memory=256 * MIB)])
    remove(bench.dir / "ours")


def pack_fast(bench):
    """The same at level fast."""
    source, files, size = bench.input("logs", size=bench.options.size, tenants=bench.options.tenants)
    contenders = tar_peers(bench, source)
    if not bench.options.peers_only:
        job = OurJob(bench, bench.dir / "ours", source, level="fast")
        job.prepare()
        contenders.insert(0, job.contender())
    bench.compare("pack-fast", contenders, size, files,
                  [Target("tar | pigz -6 -p2", SPEED["fast"]), Target(memory=256 * MIB)])
    remove(bench.dir / "ours")


def pack_xz(bench):
    """Log text through xz, which takes its time: a quarter of the size."""
    source, files, size = bench.input("logs-xz", size=bench.options.size // 4, tenants=bench.options.tenants)
    tar = f"tar c -C {shlex.quote(source)} ."
    contenders = [peer(bench, f"tar | xz -{level} -T0", f"{tar} | xz -{level} -T0 --block-size=4MiB", source, ("tar", "xz"))
                  for level in (1, 6)]
    if not bench.options.peers_only:
        job = OurJob(bench, bench.dir / "ours", source, codec="xz")
        job.prepare()
        contenders.insert(0, job.contender())
    bench.compare("pack-xz", contenders, size, files, [Target("tar | xz -1 -T0", 1.0), Target(memory=256 * MIB)])
    remove(bench.dir / "ours")


def pack_small(bench):
    """Many small files."""
    options = bench.options
    source, files, size = bench.input("small", small_files=options.small_files, file_size=4096, tenants=options.tenants)
    contenders = tar_peers(bench, source)
    if not options.peers_only:
        job = OurJob(bench, bench.dir / "ours", source)
        job.prepare()
        contenders.insert(0, job.contender())
    bench.compare("pack-small", contenders, size, files, [Target("tar | pigz -6 -p2", 1.5), Target(memory=256 * MIB)])
    remove(bench.dir / "ours")


def reader(bench, name, command, archives, outputs, ours=False, needs=(), check=None):
    """A contender that reads archives: what it prints counts as its output, so that it has one."""
    out = str(bench.dir / ("ours.out" if ours else "peer.out"))

    def made():
        return ([out] if os.path.exists(out) else []) + outputs()

    class Reader(Contender):
        def run(self, log):
            for path in (bench.dir / "taken", bench.dir / "peer.out", bench.dir / "ours.out"):
                remove(path)
            (bench.dir / "taken").mkdir()
            return super().run(log)

    command = f"{{ {command}; echo done; }} > {shlex.quote(out)}"
    return Reader(name, command, str(pathlib.Path(archives[0]).parent), made, ours=ours, needs=needs, check=check)


def packed(bench):
    """A job that is packed, in one archive a tenant. Returns (job, archives, files, bytes)."""
    options = bench.options
    if options.peers_only:
        raise BenchError("this suite reads archives of coldchain: it can't do without")
    source, files, size = bench.input("logs", size=options.size, tenants=options.tenants)
    job = OurJob(bench, bench.dir / "ours", source)
    job.prepare()
    measure(job.command("pack"), bench.log("ours-pack"))
    return job, job.archives(), files, size


def verify(bench):
    """The proof of an archive, against what people run: the CRC of gzip and the digest of the whole. Ours proves more."""
    job, archives, files, size = packed(bench)
    names = " ".join(map(shlex.quote, archives))
    each = f"for archive in {names}; do"
    bench.compare("verify", [
        reader(bench, "coldchain verify", f"{job.tool('pack')} verify {names}", archives, list, ours=True),
        reader(bench, "pigz -t + sha256sum", f"{each} pigz -t $archive && sha256sum $archive; done", archives, list,
               needs=("pigz",)),
        reader(bench, "pigz -t & sha256sum", f"{each} pigz -t $archive & sha256sum $archive; wait; done", archives, list,
               needs=("pigz",)),
        reader(bench, "gzip -t + sha256sum", f"{each} gzip -t $archive && sha256sum $archive; done", archives, list),
        reader(bench, "coldchain verify, 1 worker", f"{job.tool('pack')} verify --workers 1 {names}", archives, list),
        reader(bench, "coldchain verify --quick", f"{job.tool('pack')} verify --quick {names}", archives, list),
    ], size, files, [Target("pigz -t + sha256sum", 1.5), Target(memory=256 * MIB)])
    remove(bench.dir / "ours")


def extract(bench):
    """One file out of an archive, from its middle, and then all of it. The first budget is that of 10 GiB and more."""
    job, archives, _, _ = packed(bench)
    archive = max(archives, key=os.path.getsize)
    listing = subprocess.run(["tar", "-tvzf", archive], stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
    # Mode, owner, size, date, time, name. With several tenants the archive is one of several: its own files count.
    lines = [fields for fields in (line.split(None, 5) for line in listing) if fields[-1].endswith(".log")]
    entries = [fields[5] for fields in lines]
    files, size = len(entries), sum(int(fields[2]) for fields in lines)
    path = entries[len(entries) // 2]
    taken = bench.dir / "taken"

    def outputs():
        return [str(found) for found in taken.rglob("*") if found.is_file()] if taken.exists() else []

    def check(wanted):
        def compare():
            found = sum(1 for name in outputs() if name.endswith(".log"))
            if found != wanted:
                raise BenchError(f"{found} files came back, {wanted} were asked for")
        return compare

    name, one, to = shlex.quote(archive), shlex.quote(path), shlex.quote(str(taken))
    pack_tool = job.tool("pack")
    for title, more, wanted, targets in (
        ("extract one file", f" {one}", 1, [Target("tar xzf", 200)] if size >= 10 << 30 else []),
        ("extract all", "", len(entries), [Target("tar xzf", 1.0), Target(memory=256 * MIB)]),
    ):
        bench.compare(title, [
            reader(bench, "coldchain extract", f"{pack_tool} extract {name}{more} --to {to}", [archive], outputs, ours=True,
                   check=check(wanted)),
            reader(bench, "tar xzf", f"tar xzf {name} -C {to}{more}", [archive], outputs, check=check(wanted)),
            reader(bench, "pigz -dc | tar x", f"pigz -dc {name} | tar x -C {to}{more}", [archive], outputs,
                   needs=("pigz",), check=check(wanted)),
            reader(bench, "bsdtar -xf", f"bsdtar -xf {name} -C {to}{more}", [archive], outputs, needs=("bsdtar",),
                   check=check(wanted)),
        ], size, files, targets)
    remove(taken)
    remove(bench.dir / "ours")


class Sshd:
    """A throwaway sshd on loopback, and a proxy in front of it that holds each piece back."""

    def __init__(self, bench):
        self.directory = bench.dir / "sshd"
        remove(self.directory)
        self.directory.mkdir()
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.directory / key)], check=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        (self.directory / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {self.directory}/host\nPidFile none\n"
            f"AuthorizedKeysFile {self.directory}/user.pub\nStrictModes no\nUsePAM no\nUseDNS no\n"
            "MaxStartups 100\nSubsystem sftp internal-sftp\n")
        self.servers = []
        self.serve("/usr/sbin/sshd", "-D", "-f", str(self.directory / "sshd_config"))
        self.slow_port = int(self.serve(sys.executable, str(HERE / "netproxy.py"), "--to", str(self.port), "--delay", "20")
                             .stdout.readline())
        key = " ".join((self.directory / "host.pub").read_text().split()[:2])
        (self.directory / "known_hosts").write_text(
            "".join(f"[127.0.0.1]:{port} {key}\n" for port in (self.port, self.slow_port)))
        self.config = self.directory / "ssh_config"
        hosts = (("bench", self.port), ("slow", self.slow_port))
        self.config.write_text("".join(
            f"Host {name}\n HostName 127.0.0.1\n Port {port}\n IdentityFile {self.directory}/user\n IdentitiesOnly yes\n"
            f" UserKnownHostsFile {self.directory}/known_hosts\n StrictHostKeyChecking yes\n BatchMode yes\n"
            for name, port in hosts))
        for _ in range(100):
            if subprocess.run(["ssh", "-F", str(self.config), "bench", "true"], capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.1)
        raise BenchError("sshd does not answer")

    def serve(self, *command):
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.servers.append(server)
        SERVICES.add(server.pid)
        return server

    def stop(self):
        for server in self.servers:
            server.terminate()
            server.wait()
            SERVICES.discard(server.pid)


class OurHost:
    """A job of ours that collects one tree over SSH."""

    def __init__(self, bench, sshd, root, host, source):
        self.bench, self.root, self.source = bench, pathlib.Path(root), source
        self.settings = self.root / "etc" / "coldchain.toml"
        remove(self.root)
        for name in ("etc/jobs.d", "staging", "state", "vault"):
            (self.root / name).mkdir(parents=True)
        quote = json.dumps
        self.settings.write_text(
            f"staging = {quote(str(self.root / 'staging'))}\nstate = {quote(str(self.root / 'state'))}\n"
            f"[vault.disk]\nurl = {quote('file://' + str(self.root / 'vault'))}\n")
        (self.settings.parent / "jobs.d" / f"{JOB}.toml").write_text(
            f'kind = "hosts"\nhosts = [{quote(host)}]\nssh = {{ options = [{quote("-F" + str(sshd.config))}] }}\n'
            f'path = {quote(source)}\nlayout = "**"\narchive = "{{host}}"\nmember = "{{rest}}"\nfull_every = "30 days"\n')
        tool = bench.options.bin / "collect"
        self.tool = shlex.quote(str(tool))
        log = bench.log("ours-collect")
        measure(f"{self.tool} init --config {shlex.quote(str(self.settings))} --local", log)
        self.staged = self.root / "staging" / JOB / RUN
        self.host = host

    def contender(self):
        def outputs():
            return [str(p) for p in self.staged.rglob("*") if p.is_file()] if self.staged.exists() else []

        class Ours(Contender):
            def run(inner, log):
                remove(self.staged)
                return super().run(log)

        return Ours("coldchain collect", f"{self.tool} {JOB} --config {shlex.quote(str(self.settings))} --run {RUN}",
                    self.source, outputs, ours=True, check=self.check)

    def check(self):
        done = subprocess.run(["diff", "-rq", self.source, str(self.staged / "collect" / self.host)], check=False)
        if done.returncode != 0:
            raise BenchError("what was collected is not what the source has")


def collect(bench):
    """Over SSH, from a real sshd on loopback into memory: one large file, many small ones, small ones at a distance."""
    options = bench.options
    needs = ("sshd", "ssh", "scp", "sftp", "rsync")
    os.environ["PATH"] += ":/usr/sbin"
    if missing := [program for program in needs if not shutil.which(program)]:
        print(f"\ncollect: left out, not installed: {', '.join(missing)}")
        return
    room = pathlib.Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else bench.dir
    out, source = room / "coldchain-bench-out", room / "coldchain-bench-source"
    sshd = Sshd(bench)
    try:
        ssh = f"ssh -F {shlex.quote(str(sshd.config))}"
        scp = f"scp -q -F {shlex.quote(str(sshd.config))}"

        def peer_of(name, command, tree, needed):
            def outputs():
                return [str(p) for p in out.rglob("*") if p.is_file()] if out.is_dir() else [str(out)] if out.exists() else []

            class Peer(Contender):
                def run(inner, log):
                    remove(out)
                    return super().run(log)

            return Peer(name, command, tree, outputs, needs=needed)

        def compare(title, host, tree, files, size, peers, targets, rounds=None):
            contenders = list(peers)
            if not options.peers_only:
                contenders.insert(0, OurHost(bench, sshd, room / "coldchain-bench-ours", host, tree).contender())
            bench.compare(title, contenders, size, files, targets, rounds)
            remove(room / "coldchain-bench-ours")
            remove(out)

        remove(source)
        big = source / "big"
        big.mkdir(parents=True)
        with open(big / "big.log", "wb") as file:
            for _ in range(options.collect_size // MIB):
                file.write(os.urandom(MIB))
        batch = shlex.quote(f"get {big}/big.log {out}")
        compare("collect, one large file", "bench", str(big), 1, options.collect_size, [
            peer_of("sftp", f"echo {batch} | sftp -q -b - -F {shlex.quote(str(sshd.config))} bench", str(big), ("sftp",)),
            peer_of("scp", f"{scp} bench:{big}/big.log {out}", str(big), ("scp",)),
            peer_of("rsync -W", f"rsync -W -e {shlex.quote(ssh)} bench:{big}/big.log {out}", str(big), ("rsync",)),
        ], [Target("sftp", 1.0), Target("scp", 1.0), Target("rsync -W", 1.0), Target(memory=128 * MIB)])
        remove(big)

        for title, host, count, peers, targets in (
            ("collect, small files", "bench", options.collect_files, ("scp -r", "rsync -a"),
             [Target("scp -r", 8.0), Target("rsync -a", 0.9), Target(memory=128 * MIB)]),
            ("collect, small files 40 ms away", "slow", min(2000, options.collect_files // 10), ("scp -r", "rsync -a"),
             [Target("scp -r", 5.0), Target(memory=128 * MIB)]),
        ):
            tree = source / "small"
            remove(tree)
            for number in range(count):
                if number % 1000 == 0:
                    (tree / f"d{number // 1000:03}").mkdir(parents=True)
                (tree / f"d{number // 1000:03}" / f"f{number:06}.log").write_bytes(os.urandom(4096))
            commands = {
                "scp -r": (f"{scp} -r {host}:{tree} {out}", ("scp",)),
                "rsync -a": (f"rsync -a -e {shlex.quote(ssh)} {host}:{tree}/ {out}/", ("rsync",)),
            }
            compare(title, host, str(tree), count, count * 4096,
                    [peer_of(name, commands[name][0], str(tree), commands[name][1]) for name in peers], targets,
                    1 if host == "slow" else None)  # scp needs minutes for it
    finally:
        sshd.stop()
        for path in (source, out, room / "coldchain-bench-ours"):
            remove(path)


# ---------------------------------------------------------------------------------------------------------------------
# ship


class OurShipment:
    """A job of ours, collected and packed, that ships what pack made into a bucket again and again."""

    def __init__(self, bench, store, url, source):
        self.bench, self.store = bench, store
        self.job = OurJob(bench, bench.dir / "ours", source)
        self.job.prepare()
        measure(self.job.command("pack"), bench.log("ship-pack"))
        self.packed = self.job.run_directory / "pack"
        trust = f"ca_file = {json.dumps(store.certificate)}\n" if url.startswith("https") else ""
        text = self.job.settings.read_text()
        self.job.settings.write_text(
            text[:text.index("[vault.disk]")]
            + f'[vault.disk]\nurl = "s3://ours/bench"\nendpoint = {json.dumps(url)}\nregion = "{store.region}"\n'
            + f'addressing = "path"\nstorage_class = "DEEP_ARCHIVE"\n{trust}')

    def reset(self):
        """Forgets that the run was shipped.

        Moved, not deleted: ext4 gives out no inode that was freed within the last 35 seconds, and looks at each of them for
        every file that is made; no night makes its records right after some hundred others were deleted.
        """
        run = self.job.run_directory
        aside = self.job.root / "before" / str(time.monotonic_ns())
        aside.mkdir(parents=True)
        for path in (run / "records" / "ship", run / "ship.json", run.parent / "ledger"):
            if path.exists():
                path.rename(aside / path.name)

    def check(self):
        archives = {str(p.relative_to(self.packed)): p.stat().st_size for p in self.packed.rglob("*.tar.*")
                    if p.is_file() and not p.name.endswith((".tsv.gz", ".sha256"))}
        there = self.store.listed("ours")
        for name, size in archives.items():
            if there.get(f"bench/{JOB}/{name}") != size:
                raise BenchError(f"the store lacks {name}, or has another size of it")


def ship(bench):
    """Into a real S3 server on this machine: one archive of 2 GiB, 200 of 5 MiB; over HTTP and TLS."""
    options = bench.options
    needs = (*gateway.PROGRAMS, "aws", "rclone")
    python = HERE.parent / ".build" / "python-bench" / "bin" / "python3"
    s5cmd = python.with_name("s5cmd")
    missing = [program for program in needs if not shutil.which(program)] + ([] if s5cmd.exists() else ["s5cmd"])
    if missing:
        print(f"\nship: left out, not installed: {', '.join(missing)}")
        return
    try:
        store = gateway.Gateway(bench.dir)
    except OSError as error:
        raise BenchError(str(error)) from error
    try:
        SERVICES.update(children())
        settings = " ".join(f"{key}={shlex.quote(value)}" for key, value in store.environment.items())
        for title, count, size in (
            ("one large archive", 1, options.ship_size), ("small archives", options.ship_files, 5 * MIB),
        ):
            source = bench.dir / "input" / "ship"
            remove(source)
            for number in range(count):
                tenant = source / f"t{number:03}" / "app"
                tenant.mkdir(parents=True)
                with open(tenant / "big.log", "wb") as file:
                    for _ in range(size // MIB):
                        file.write(os.urandom(MIB))
            for protocol, url in (("HTTP", store.http), ("TLS", store.tls.replace("127.0.0.1", "localhost"))):
                ours = OurShipment(bench, store, url, str(source))
                made = [p for p in ours.packed.rglob("*") if p.is_file() and not p.is_symlink()]

                def contender(name, command, bucket, mine=None):
                    class Client(Contender):
                        def run(inner, log):
                            store.make(bucket)
                            if mine:
                                mine.reset()
                            return super().run(log)

                    kept = [str(p) for p in made]
                    done = Client(name, f"export {settings}; {command}", str(ours.packed), lambda: [], ours=bool(mine),
                                  check=mine.check if mine else None)
                    done.weigh = lambda: bytes_of(kept)
                    return done

                tree, tls = shlex.quote(str(ours.packed)), protocol == "TLS"
                aws = f"/usr/bin/aws --endpoint-url {url} s3 cp --only-show-errors --recursive {tree}/ s3://peer/"
                clients = [contender("coldchain ship", ours.job.command("ship"), "ours", ours)]
                if options.peers_only:
                    clients.clear()
                clients += [
                    contender("aws s3 cp", aws, "peer"),
                    contender("AWS CRT", f"{shlex.quote(str(python))} "
                              f"{shlex.quote(str(HERE / 'crt.py'))} {url} {tree} peer", "peer"),
                    contender("s5cmd", f"{shlex.quote(str(s5cmd))} --endpoint-url {url} --log error cp {tree}/ s3://peer/", "peer"),
                    contender("rclone", "env -u AWS_CA_BUNDLE rclone copy -q --s3-provider Ceph --s3-env-auth --s3-no-check-bucket "
                              f"--s3-endpoint {url} {f'--ca-cert {shlex.quote(store.certificate)} ' if tls else ''}"
                              f"{tree}/ :s3:peer/", "peer"),
                ]
                peers = tuple(c.name for c in clients if not c.ours)
                bench.compare(f"ship, {title}, {protocol}", clients, bytes_of(map(str, made)), len(made),
                              [Target(best_of=peers, speed=1.0, cpu=0.5), Target(memory=128 * MIB)])
                remove(bench.dir / "ours")
            remove(source)
    finally:
        store.stop()
        SERVICES.clear()


def memory(bench):
    """Peak resident memory of collect and pack: it may depend neither on the bytes nor on the number of entries."""
    options = bench.options
    if options.peers_only:
        print("\nmemory: left out, it has no peers")
        return
    inputs = [(f"memory-{human(size).replace(' ', '')}", {"size": size}) for size in options.memory_sizes]
    if options.memory_entries:
        inputs.append((f"memory-{options.memory_entries}-entries", {"small_files": options.memory_entries, "file_size": 256}))
    rows = [["memory", "files", "content", "collect MiB", "collect s", "pack MiB", "pack s"]]
    verdicts, runs = [], []
    for name, parameters in inputs:
        source, files, size = bench.input(name, tenants=options.tenants, **parameters)
        try:
            job = OurJob(bench, bench.dir / "ours", source)
            collected = job.prepare()
            packed = job.contender().run(bench.log(name))
        except BenchError as error:
            print(f"  FAILED: {name}: {error}", flush=True)
            runs.append({"input": name, "failed": str(error)})
            bench.failures += 1
            continue
        finally:
            remove(bench.dir / "ours")
            if not options.keep:
                remove(source)
        rows.append([name, str(files), human(size), f"{collected.peak_rss / MIB:.0f}", f"{collected.wall:.1f}",
                     f"{packed.peak_rss / MIB:.0f}", f"{packed.wall:.1f}"])
        runs.append({"input": name, "files": files, "bytes": size, "collect": dataclasses.asdict(collected),
                     "pack": dataclasses.asdict(packed)})
        for stage, sample, limit in (("collect", collected, 128), ("pack", packed, 256)):
            verdicts.append({"budget": f"{stage}, {name}: at most {limit} MiB resident",
                             "reached": round(sample.peak_rss / MIB, 1), "met": sample.peak_rss <= limit * MIB})
    print()
    print_table(rows)
    print_verdicts(verdicts)
    bench.results.append({"suite": "memory", "runs": runs, "budgets": verdicts})


class Lake:
    """A warehouse with two nights: the first packed, and in the ledger as ship would leave it, the second collected."""

    RUNS = ("2026-03-31", "2026-04-01")

    def __init__(self, bench, rows):
        self.bench = bench
        self.rows = rows
        self.root = bench.dir / "lake"
        self.settings = self.root / "etc" / "coldchain.toml"
        self.job = self.root / "staging" / "lake"
        self.list = self.job / self.RUNS[1] / "collect" / "db00.entries.tsv.gz"
        self.held = self.job / "ledger" / self.RUNS[0] / "db00.manifest.1.tsv.gz"

    def tool(self, name):
        path = self.bench.options.bin / name
        if not os.access(path, os.X_OK):
            raise BenchError(f"{path} is missing: run `make build`, or give --bin")
        return shlex.quote(str(path))

    def command(self, stage, run, *more):
        environment = "AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b AWS_EC2_METADATA_DISABLED=true no_proxy=127.0.0.1"
        return " ".join([environment, self.tool(stage), "lake", "--config", shlex.quote(str(self.settings)), "--run", run, *more])

    def prepare(self):
        """Makes both nights; returns what collect and pack took of the first and the second."""
        remove(self.root)
        for name in ("etc/jobs.d", "staging", "state", "inventories"):
            (self.root / name).mkdir(parents=True)
        for number, at in enumerate(("2026-04-02T01-00Z", "2026-04-03T01-00Z")):
            subprocess.run([sys.executable, str(HERE / "geninventory.py"), str(self.root / "inventories"), f"--rows={self.rows}",
                            "--at", at, f"--generation={number}"], check=True, stdout=subprocess.DEVNULL)
        server = subprocess.Popen([sys.executable, str(HERE / "bucketserver.py"), str(self.root / "inventories")],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        SERVICES.add(server.pid)
        try:
            quote, url = json.dumps, f"http://127.0.0.1:{server.stdout.readline().strip()}"
            self.settings.write_text(
                f"staging = {quote(str(self.root / 'staging'))}\nstate = {quote(str(self.root / 'state'))}\n"
                f"[vault.cold]\nurl = \"s3://archive/lake\"\nendpoint = {quote(url)}\n")
            (self.settings.parent / "jobs.d" / "lake.toml").write_text(
                f"kind = \"warehouse\"\nsource = {{ bucket = \"lake\", endpoint = {quote(url)} }}\n"
                'inventory = ["s3://inventory/inv/lake/daily"]\nwait = "0 s"\n')
            log = self.bench.log("lake-prepare")
            measure(f"{self.tool('collect')} init --config {shlex.quote(str(self.settings))} --local", log)
            collected = measure(self.command("collect", self.RUNS[0]), log)
            packed = measure(self.command("pack", self.RUNS[0]), log)
            self.held.parent.mkdir(parents=True)
            shutil.copy(self.job / self.RUNS[0] / "pack" / "db00.manifest.tsv.gz", self.held)
            measure(self.command("collect", self.RUNS[1]), log)
        finally:
            server.stdin.close()
            server.wait()
            SERVICES.discard(server.pid)
        return collected, packed


def warehouse(bench):
    """The plan of a night against DuckDB's anti-join of the same two files; then the memory of far larger ones."""
    options = bench.options
    python = HERE.parent / ".build" / "python-bench" / "bin" / "python3"
    lake = Lake(bench, options.warehouse_rows)
    collected, packed = lake.prepare()
    answers = {}

    class Answer(Contender):
        """Prints its numbers to a file, which is its output."""

        def run(self, log):
            warm(str(lake.held.parent))
            return super().run(log)

    def contender(name, command, parse, ours=False):
        out = bench.dir / f"plan-{'ours' if ours else 'theirs'}.out"

        def check():
            answers[name] = parse(out.read_text())
            if len(set(answers.values())) > 1:
                raise BenchError(f"the answers differ: {answers}")

        return Answer(name, f"{command} > {shlex.quote(str(out))}", str(lake.list.parent),
                      lambda: [str(out)] if out.exists() else [], ours=ours, check=check)

    def ours(text):
        report = json.loads(text)[0]
        return report["taken"]["objects"], report["taken"]["bytes"]

    def theirs(text):
        count, size = text.split()
        return int(count), int(size)

    files = [str(lake.list), str(lake.held)]
    two = f"{shlex.quote(str(python))} {shlex.quote(str(HERE / 'antijoin.py'))} {' '.join(map(shlex.quote, files))}"
    bench.compare(
        f"warehouse plan, {options.warehouse_rows} rows",
        [contender("coldchain pack --dry-run", lake.command("pack", lake.RUNS[1], "--dry-run", "--force", "--json"), ours, True),
         contender("duckdb anti-join", two, theirs)],
        bytes_of(files), 2, [Target("duckdb anti-join", 5.0), Target(memory=1 << 30)])
    plan = bench.results[-1]
    peaks = {c["name"]: max(s["peak_rss"] for s in c["samples"]) for c in plan["contenders"]}
    if len(peaks) == 2:
        share = peaks["coldchain pack --dry-run"] / peaks["duckdb anti-join"]
        plan["budgets"].append({"budget": "at most 1/4 of DuckDB's memory", "reached": round(share, 3), "met": share <= 0.25})
        print_verdicts(plan["budgets"][-1:])
    remove(lake.root)
    verdicts = []
    runs = [(options.warehouse_rows, collected, packed)]
    if options.warehouse_large:
        large = Lake(bench, options.warehouse_large)
        runs.append((options.warehouse_large, *large.prepare()))
        remove(large.root)
    rows = [["inventory", "collect s", "collect MiB", "pack s", "pack MiB"]]
    for count, one, other in runs:
        rows.append([str(count), f"{one.wall:.1f}", f"{one.peak_rss / MIB:.0f}", f"{other.wall:.1f}", f"{other.peak_rss / MIB:.0f}"])
        for stage, sample in (("collect", one), ("pack", other)):
            verdicts.append({"budget": f"{stage} of {count} rows: at most 1 GiB resident",
                             "reached": round(sample.peak_rss / MIB, 1), "met": sample.peak_rss <= 1 << 30})
    print()
    print_table(rows)
    print_verdicts(verdicts)
    bench.results.append({"suite": "warehouse memory", "budgets": verdicts, "runs": [
        {"rows": count, "collect": dataclasses.asdict(one), "pack": dataclasses.asdict(other)} for count, one, other in runs]})


def ledger(bench):
    """The ledger of a year, and what reads it: ledger.py measures each command alone."""
    print("\nledger", flush=True)
    command = [sys.executable, str(HERE / "ledger.py"), "--bin", str(bench.options.bin), "--dir", str(bench.dir),
               "--runs", str(bench.options.ledger_runs)]
    results = None
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout:
            if line.startswith("["):
                results = json.loads(line)
            else:
                print(f"  {line.rstrip()}", flush=True)
    if results is None:
        raise BenchError(f"ledger.py ended with status {child.returncode}")
    bench.results.append({"suite": "ledger", "commands": results})
    over = [result["command"] for result in results if not result["good"]]
    if over:
        raise BenchError(f"beyond the budget: {', '.join(over)}")


SUITES = {
    "pack": pack, "pack-fast": pack_fast, "pack-xz": pack_xz, "pack-small": pack_small, "verify": verify, "extract": extract,
    "collect": collect, "ship": ship, "memory": memory, "warehouse": warehouse,
    "ledger": ledger,
}
DEFAULT = ["pack", "pack-fast", "pack-small", "verify", "extract", "collect", "ship", "warehouse"]


# ---------------------------------------------------------------------------------------------------------------------
# The machine and the command line


def first_line(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10, check=False)
        return done.stdout.decode(errors="replace").strip().splitlines()[0]
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return "missing"


def machine(options):
    """What the numbers depend on besides the code."""
    def value(path, key):
        lines = pathlib.Path(path).read_text().splitlines()
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "unknown")

    facts = {
        "cpu": value("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory": value("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "load at start": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "scratch": f"{options.dir} ({first_line('stat', '-f', '-c', '%T', str(options.dir))})",
        "tar": first_line("tar", "--version"),
        "gzip": first_line("gzip", "--version"),
        "pigz": first_line("pigz", "--version"),
    }
    if not options.peers_only:
        facts["pack"] = first_line(str(options.bin / "pack"), "--version")
    floor = measure("true", os.devnull).peak_rss
    facts["memory floor"] = f"{floor / MIB:.0f} MiB: no process can be seen below the harness's own size"
    for key, text in facts.items():
        print(f"{key:14} {text}")
    return facts


def self_test():
    """The harness measures itself: a pipeline's CPU must hold every member's, and memory the largest's."""
    python = shlex.quote(sys.executable)
    burn = shlex.quote("import time; e = time.process_time() + 0.5\nwhile time.process_time() < e: pass")
    sample = measure(f"{python} -c {burn} | {python} -c {burn} | (true; {python} -c {burn})", os.devnull)
    if not 1.5 <= sample.cpu <= 3:
        raise BenchError(f"three processes of a pipeline burnt 0.5 s each, {sample.cpu:.2f} s were counted")
    big = f"{python} -c 'x = bytearray(200 << 20); print(len(x))'"
    sample = measure(f"{big} | cat", os.devnull)
    if not 200 * MIB <= sample.peak_rss <= 260 * MIB:
        raise BenchError(f"a process of a pipeline held 200 MiB, {sample.peak_rss / MIB:.0f} MiB were counted")
    for command, complaint in (("false | cat", "status 1"), ("(sleep 1 &)", "left processes behind")):
        try:
            measure(command, os.devnull)
        except BenchError as error:
            if complaint in str(error):
                continue
        raise BenchError(f"`{command}` was not noticed")
    print("self test: ok")


def arguments():
    def sizes(text):
        return [genlogs.parse_size(part) for part in text.split(",") if part]

    parser = argparse.ArgumentParser(description="Measure coldchain and the stock tools side by side.")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"{', '.join(SUITES)} or all (default: {' '.join(DEFAULT)})")
    parser.add_argument("--size", type=genlogs.parse_size, default=1 << 30, help="log text of suites pack, verify and extract (1GiB)")
    parser.add_argument("--small-files", type=int, default=100_000, help="files of suite pack-small (100000)")
    parser.add_argument("--tenants", type=int, default=1, help="tenants: coldchain writes one archive each (1)")
    parser.add_argument("--level", default="balanced", choices=["fast", "balanced", "small"], help="coldchain's level")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--collect-size", type=genlogs.parse_size, default=2 << 30, help="large file of suite collect (2GiB)")
    parser.add_argument("--collect-files", type=int, default=20_000, help="small files of suite collect (20000)")
    parser.add_argument("--ship-size", type=genlogs.parse_size, default=2 << 30, help="large archive of suite ship (2GiB)")
    parser.add_argument("--ship-files", type=int, default=200, help="archives of 5 MiB of suite ship (200)")
    parser.add_argument("--memory-sizes", type=sizes, default="1GiB,8GiB", help="contents of suite memory (1GiB,8GiB)")
    parser.add_argument("--memory-entries", type=int, default=1_000_000, help="small files of suite memory (1000000)")
    parser.add_argument("--warehouse-rows", type=int, default=5_000_000, help="objects of suite warehouse (5000000)")
    parser.add_argument("--warehouse-large", type=int, default=0,
                        help="objects of a further inventory in suite warehouse, for memory alone; 50000000 takes an hour (0)")
    parser.add_argument("--ledger-runs", type=int, default=365, help="nights of 300 tenants on 24 hosts of suite ledger (365)")
    parser.add_argument("--synced", action="store_true", help="peers, too, end with their output on the disk")
    parser.add_argument("--peers-only", action="store_true", help="leave coldchain out")
    parser.add_argument("--bin", type=lambda text: pathlib.Path(text).resolve(), default=HERE.parent / ".build" / "release",
                        help="where collect and pack are (.build/release)")
    parser.add_argument("--dir", type=lambda text: pathlib.Path(text).resolve(), default="/var/tmp/coldchain-bench",
                        help="scratch directory (/var/tmp/coldchain-bench)")
    parser.add_argument("--keep", action="store_true", help="keep the generated input for the next time")
    parser.add_argument("--self-test", action="store_true", help="check the measuring itself, then end")
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    names = list(SUITES) if "all" in options.suites else options.suites or DEFAULT
    unknown = [name for name in names if name not in SUITES]
    if unknown or options.rounds < 1:
        parser.error(f"unknown suite: {', '.join(unknown)}" if unknown else "--rounds must be at least 1")
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if options.self_test:
        self_test()
        return 0
    bench = Bench(options)
    facts = machine(options)
    for name in names:
        try:
            SUITES[name](bench)
        except BenchError as error:
            print(f"  FAILED: {name}: {error}", flush=True)
            bench.results.append({"suite": name, "failed": str(error)})
            bench.failures += 1
            remove(bench.dir / "ours")
    bench.write(facts)
    if not options.keep:
        remove(bench.dir / "input")
        remove(bench.dir / "peer.out")
    return 1 if bench.failures else 0


if __name__ == "__main__":
    sys.exit(main())
