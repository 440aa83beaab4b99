#!/usr/bin/env python3
"""Makes the ledger of a year, and measures what reads it.

    ledger.py [--bin DIR] [--runs 365] [--tenants 300] [--hosts 24] [--dir DIR] [--keep]

A small night is really collected, packed and shipped; its records are the pattern for those of all runs. The manifests
of every host and run are made here: a row for each tenant's directory and log, and one for a file that is carried from a
month before, so that every run refers to archives of others. Of the archives there are only those that the newest run
refers to, empty but for their size. Then each command runs alone, and must end within 10 s and 256 MiB; the very first plan
of a prune, which reads all manifests and not only those of the last night, within 20 s. At last two months of archives are
on their way out, as a prune each night leaves them: one in quarantine, half a month retired, half a month gone and still
remembered. The plan of a prune, undo and audit tell of all of them, in 256 MiB, too; audit of three lines for each within
30 s.
"""

import argparse
import concurrent.futures
import datetime
import gzip
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

SECONDS = 10.0
FIRST_SECONDS = 20.0
AUDIT_SECONDS = 30.0
MEMORY = 256 << 20
# Days in quarantine, retired, and gone.
QUARANTINED, RETIRED, GONE = 30, 15, 15
JOB = "siem"
HEADER = (
    "key\ttype\tsize\tmodified\tmode\tuid\tgid\tlink\ttenant\tidentity\tsha256\tclass\trun\tobject\tentry\toffset"
    "\tlength\tflags\n"
)
SIZE = 5 << 20


def tenant(number):
    return f"t{number:03d}"


def host(number):
    return f"siem{number:02d}"


def archive(date, name, server):
    return f"{JOB}/{name}/{date:%Y/%m/%d}/{server}.tar.gz"


def manifest(task):
    """Writes the manifest of a host in a run, with its digest beside it, into the vault and the ledger."""
    date, server, tenants, places = task
    month = max(date - datetime.timedelta(days=date.day - 1), task_first)
    rows = [HEADER]
    stamp = int(datetime.datetime.combine(date, datetime.time(), datetime.timezone.utc).timestamp())
    for number in range(tenants):
        name = tenant(number)
        own = archive(date, name, server)
        older = archive(month, name, server)
        digest = hashlib.sha256(f"{own}".encode()).hexdigest()
        static = hashlib.sha256(f"{name}{server}".encode()).hexdigest()
        rows.append(
            f"{name}/\td\t0\t{stamp}.000000000\t0755\t0\t0\t\t{name}\t0:{stamp}.000000000\t\t\t{date}\t{own}"
            f"\t{name}/{server}/\t0\t20000\t\n"
        )
        rows.append(
            f"{name}/access.log\tf\t{SIZE}\t{stamp}.000000000\t0640\t0\t0\t\t{name}\t{SIZE}:{stamp}.000000000\t{digest}"
            f"\tDEEP_ARCHIVE\t{date}\t{own}\t{name}/{server}/access.log\t0\t1000000\t\n"
        )
        rows.append(
            f"{name}/hosts.conf\tf\t2048\t1600000000.000000000\t0640\t0\t0\t\t{name}\t2048:1600000000.000000000\t{static}"
            f"\tDEEP_ARCHIVE\t{month}\t{older}\t{name}/{server}/hosts.conf\t1000000\t4096\t\n"
        )
    data = gzip.compress("".join(rows).encode(), 6, mtime=0)
    file = f"{server}.manifest.1.tsv.gz"
    line = f"{hashlib.sha256(data).hexdigest()}  {file}\n".encode()
    for place in places:
        directory = pathlib.Path(place) / str(date)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / file).write_bytes(data)
        (directory / (file + ".sha256")).write_bytes(line)
    return len(data)


task_first = datetime.date.min


def begin(first):
    global task_first
    task_first = first


def records(staging, sample, dates):
    """Copies a run's records to other dates."""
    for date in dates:
        target = staging / JOB / str(date)
        if date == sample:
            continue
        for path in (staging / JOB / str(sample)).rglob("*.json"):
            text = path.read_text().replace(str(sample), str(date)).replace(f"{sample:%Y/%m/%d}", f"{date:%Y/%m/%d}")
            copy = target / str(path.relative_to(staging / JOB / str(sample))).replace(
                f"{sample:%Y/%m/%d}", f"{date:%Y/%m/%d}"
            )
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(text)


def departures(staging, vault, dates, options):
    """Writes what prune remembers and has told of two months of archives and manifests that are on their way out.

    Returns how many they are, and the lines of the audit log.
    """
    ledger = staging / JOB / "ledger"
    place = ledger / "_retention"
    place.mkdir(parents=True, exist_ok=True)
    rows, count, told = [], 0, 0
    stamp = int(time.time()) - 86400
    tail = f"\t{stamp}.000000000\tDEEP_ARCHIVE"
    (ledger / "_audit").mkdir(exist_ok=True)
    with open(ledger / "_audit" / "ship.bench.jsonl", "w") as audit:
        for back, date in enumerate(dates):
            states = ["quarantined", "retired", "gone"]
            state = states[(back >= QUARANTINED) + (back >= QUARANTINED + RETIRED)]
            batch = hashlib.sha256(str(date).encode()).hexdigest()[:32]
            objects = [
                (archive(date, tenant(number), host(server)), "archive", 2 << 20, tenant(number))
                for number in range(options.tenants)
                for server in range(options.hosts)
            ]
            objects += [
                (f"{JOB}/_ledger/{date}/{host(server)}.manifest.1.tsv.gz", "manifest", 35000, tenant(0))
                for server in range(options.hosts)
            ]
            for key, kind, size, name in objects:
                rows.append(
                    f"{key}\t{kind}\t{state}\t{stamp}.000000000\t{batch}\t{size}{tail}\t{name}\t{date}\n"
                )
                if kind == "archive" and state != "gone":
                    path = vault / key
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with open(path, "wb") as file:
                        file.truncate(size)
            # No run builds on what is retired, and an undo brings it back.
            if state != "quarantined":
                (ledger / "_retired").mkdir(exist_ok=True)
                (ledger / str(date)).rename(ledger / "_retired" / str(date))
            if state == "gone":
                shutil.rmtree(vault / JOB / "_ledger" / str(date))
            count += len(objects)
            for step, action in enumerate(["quarantine", "retire", "gone"][: 1 + states.index(state)]):
                day = datetime.datetime.fromtimestamp(stamp - 86400 * (90 - back - 30 * step), datetime.timezone.utc)
                for number, (key, _, size, name) in enumerate(objects):
                    line = {
                        "action": action,
                        "batch": batch,
                        "bytes": size,
                        "by": "root@bench",
                        "created": day.strftime("%Y-%m-%dT%H:%M:%SZ"),
                        "job": JOB,
                        "object": key,
                        "ordinal": int(day.timestamp()) * 10**9 + number,
                        "run": str(date),
                        "stage": "ship",
                        "storageClass": "DEEP_ARCHIVE",
                        "tenants": [name],
                        "time": day.strftime("%Y-%m-%dT%H:%M:%SZ"),
                        "vault": "disk",
                        "why": ["nothing needs it"],
                    }
                    audit.write(json.dumps(line, separators=(",", ":")) + "\n")
                    told += 1
    with gzip.open(place / "disk.tsv.gz", "wt", compresslevel=1) as file:
        file.write("key\tkind\tstate\tsince\tbatch\tsize\tcreated\tclass\ttenants\trun\n")
        file.writelines(sorted(rows))
    return count, told


def measure(command, environment, accepted=(0,)):
    began = time.monotonic()
    with open(os.devnull, "wb") as null, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(command, stdout=null, stderr=errors, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        errors.seek(0)
        text = errors.read().decode(errors="replace")
    if child.returncode not in accepted:
        sys.exit(f"{' '.join(command)}: status {child.returncode}: {text[-2000:]}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / ".build/release")
    parser.add_argument("--runs", type=int, default=365)
    parser.add_argument("--tenants", type=int, default=300)
    parser.add_argument("--hosts", type=int, default=24)
    parser.add_argument("--dir", type=pathlib.Path, help="where the ledger is made; a temporary directory by default")
    parser.add_argument("--keep", action="store_true", help="leave the ledger there")
    options = parser.parse_args()

    root = pathlib.Path(tempfile.mkdtemp(prefix="coldchain-ledger-", dir=options.dir))
    try:
        status = run(options, root)
    finally:
        if options.keep:
            print(f"kept: {root}")
        else:
            shutil.rmtree(root)
    sys.exit(status)


def run(options, root):
    newest = datetime.date(2026, 11, 20)
    dates = [newest - datetime.timedelta(days=back) for back in range(options.runs)]
    begin(dates[-1])
    staging, vault = root / "staging", root / "vault"
    (root / "etc/jobs.d").mkdir(parents=True)
    (root / "etc/coldchain.toml").write_text(
        f'staging = "{staging}"\nstate = "{root}/state"\n[vault.disk]\nurl = "file://{vault}"\n'
    )
    (root / f"etc/jobs.d/{JOB}.toml").write_text(
        f'kind = "hosts"\nhosts = ["siem[00-{options.hosts - 1:02d}]"]\npath = "file://{root}/source/{{host}}"\n'
        'layout = "{tenant}/**"\n[retention]\nkeep_for = "30 days"\n'
    )
    environment = dict(os.environ, COLDCHAIN_CONFIG=str(root / "etc/coldchain.toml"))
    for number in range(options.hosts):
        for other in range(min(options.tenants, 2)):
            path = root / "source" / host(number) / tenant(other)
            path.mkdir(parents=True)
            (path / "access.log").write_text("one line\n")

    def tool(name, *arguments):
        subprocess.run([options.bin / name, *arguments], env=environment, check=True, capture_output=True)

    tool("collect", "init", "--local")
    for name in ("collect", "pack", "ship"):
        tool(name, JOB, "--run", str(newest))
    records(staging, newest, dates)

    began = time.monotonic()
    places = [staging / JOB / "ledger", vault / JOB / "_ledger"]
    for place in places:
        shutil.rmtree(place)
    tasks = [
        (date, host(number), options.tenants, [str(place) for place in places])
        for date in dates
        for number in range(options.hosts)
    ]
    with concurrent.futures.ProcessPoolExecutor(initializer=begin, initargs=(dates[-1],)) as pool:
        size = sum(pool.map(manifest, tasks, chunksize=16))
    month = max(newest - datetime.timedelta(days=newest.day - 1), dates[-1])
    for date in {newest, month}:
        for number in range(options.tenants):
            for server in range(options.hosts):
                path = vault / archive(date, tenant(number), host(server))
                path.parent.mkdir(parents=True, exist_ok=True)
                with open(path, "wb") as file:
                    file.truncate(2 << 20)
    rows = len(tasks) * options.tenants * 3
    print(
        f"{len(tasks)} manifests, {rows} rows, {size / (1 << 20):.0f} MiB, made in {time.monotonic() - began:.0f} s",
        flush=True,
    )

    ship = str(options.bin / "ship")
    one = tenant(options.tenants // 2)
    commands = [
        ("status", [ship, "status", JOB], (0,)),
        ("list --runs", [ship, "list", JOB, "--runs"], (0,)),
        ("list --tenant", [ship, "list", JOB, "--tenant", one], (0,)),
        ("list --tenant, 30 runs", [ship, "list", JOB, "--tenant", one, "--from", str(dates[min(29, len(dates) - 1)])], (0,)),
        ("restore plan, a tenant", [ship, "restore", JOB, "--run", str(newest), "--tenant", one, "--dry-run"], (0,)),
        ("restore plan, a run", [ship, "restore", JOB, "--run", str(newest), "--dry-run"], (0,)),
    ]
    # The first one reads every manifest; what they name is cached from then on, as it is from night to night.
    plan = [ship, "prune", JOB, "--dry-run"]
    commands.append(("prune plan, no cache", plan, (0, 3)))
    commands.append(("prune plan", plan, (0, 3)))
    status, results = 0, []

    def run_all(commands):
        nonlocal status
        for name, command, accepted in commands:
            wall, cpu, memory = measure(command, environment, accepted)
            limit = FIRST_SECONDS if name.endswith("no cache") else AUDIT_SECONDS if "audit" in name else SECONDS
            good = wall <= limit and memory <= MEMORY
            status = status if good else 1
            results.append(
                {"command": name, "seconds": round(wall, 2), "cpu": round(cpu, 2), "mib": memory >> 20, "good": good}
            )
            print(
                f"{name:26} {wall:7.2f} s {cpu:7.2f} s CPU {memory >> 20:6d} MiB  {'ok' if good else 'OVER'}", flush=True
            )

    run_all(commands)
    departing = QUARANTINED + RETIRED + GONE
    if options.runs >= 30 + departing:
        # In a process of its own: its memory would be the floor of all that are measured later.
        with concurrent.futures.ProcessPoolExecutor(1) as pool:
            count, told = pool.submit(departures, staging, vault, dates[30 : 30 + departing], options).result()
        print(f"{count} objects on their way out, {told} lines of the audit log", flush=True)
        run_all(
            [
                ("prune plan, two months go", plan, (0, 3)),
                ("prune plan as JSON", plan + ["--json"], (0, 3)),
                ("undo", [ship, "undo", JOB], (0,)),
                ("undo as JSON", [ship, "undo", JOB, "--json"], (0,)),
                ("undo of a run, dry run", [ship, "undo", JOB, "--run", str(dates[30]), "--dry-run"], (0,)),
                ("audit", [ship, "audit", JOB], (0,)),
                ("audit as JSON", [ship, "audit", JOB, "--json"], (0,)),
            ]
        )
    print(json.dumps(results))
    return status


if __name__ == "__main__":
    main()
