#!/usr/bin/env python3
"""Writes an S3 Inventory in CSV below a directory, as the bucket of inventories has it.

    geninventory.py DIR --rows 5000000 [--generation 0] [--databases 1] [--parts 8] ...

The form is that of the S3 user guide: manifest.json, manifest.checksum, gzip'd CSV without a header line, every field in
quotes, keys encoded as forms are. Rows of one seed are the same every time; a further generation leaves some out, gives
some another ETag, and adds some, so that two of them are two nights of a bucket.
"""

import argparse
import datetime
import gzip
import hashlib
import json
import pathlib
import urllib.parse

SCHEMA = ["Bucket", "Key", "Size", "LastModifiedDate", "ETag", "StorageClass"]
VERSIONED = ["Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", "Size", "LastModifiedDate", "ETag", "StorageClass"]
CLASSES = ["STANDARD"] * 97 + ["INTELLIGENT_TIERING"] * 2 + ["GLACIER"]
UNUSUAL = ["a b", "a+b", "a%b", "a%2Bb", "a&b=c", "a#b", "a?b", "a\nb", "//a", "\u00fc\u4e16", "a\\b", "a\"b", "a,b"]
STEP = 2654435761  # odd, so that a product with it wanders through all numbers: rows of an inventory are not sorted


def rows(options):
    """(key, size, ETag, class) of each object of a generation."""
    count = options.rows
    width = 1
    while width < count:
        width *= 2
    per_table = max(1, count // options.databases // options.tables)
    for index in range(width):
        number = index * STEP % width
        if number >= count:
            continue
        database = number % options.databases
        table = number // options.databases // per_table
        mark = hashlib.blake2b(b"%d %d" % (options.seed, number), digest_size=16).digest()
        chance = int.from_bytes(mark[:4], "little") % 1000
        changed = 0
        if options.generation:
            if chance < options.gone:
                continue
            if chance < options.gone + options.changed:
                changed = options.generation
        name = f"part-{number:08d}-{mark[:8].hex()}-c000.snappy.parquet"
        if options.unusual and number % 50 == 0:
            name = UNUSUAL[number // 50 % len(UNUSUAL)] + f"/{number}"
        folder = "_delta_log/" if number % 200 == 0 else ""
        etag = mark.hex() if not changed else f"{mark[4:].hex()}{changed:08x}"
        yield f"db{database:02d}/table{table:03d}/{folder}{name}", 1000 + number % 1_000_000, etag, CLASSES[number % 100]
    if options.generation:
        for number in range(count * options.new // 1000):
            etag = hashlib.blake2b(b"n %d %d" % (options.generation, number), digest_size=16).hexdigest()
            yield (f"db{number % options.databases:02d}/table000/part-new-{options.generation}-{number:08d}.parquet",
                   2000 + number, etag, "STANDARD")


def write(options):
    """Writes the inventory; returns the path of its manifest below the directory."""
    root = pathlib.Path(options.directory)
    place = f"{options.prefix}/{options.bucket}/{options.id}"
    data = root / place / "data"
    data.mkdir(parents=True, exist_ok=True)
    parts = []
    for number in range(options.parts):
        path = data / f"{options.at}-{number:03d}.csv.gz"
        # One level of compression, no time: the same rows make the same file.
        raw = open(path, "wb")
        parts.append((path, raw, gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1, mtime=0, filename="")))
    buffers = [[] for _ in parts]
    for index, (key, size, etag, storage_class) in enumerate(rows(options)):
        encoded = urllib.parse.quote_plus(key, safe="/")
        slot = index % options.parts
        fields = [options.bucket, encoded, str(size), "2026-03-30T12:00:00.000Z", etag, storage_class]
        if options.versions:
            fields[2:2] = [f"v{index:08x}", "true", "false"]
            if index % 10 == 0:  # an older version, and one that was deleted
                buffers[slot].append(csv([options.bucket, encoded, f"w{index:08x}", "false", "false", "1", "2026-01-01T00:00:00.000Z", "00", "STANDARD"]))
                buffers[slot].append(csv([options.bucket, encoded + ".gone", f"x{index:08x}", "true", "true", "", "2026-01-01T00:00:00.000Z", "", ""]))
        buffers[slot].append(csv(fields))
        if len(buffers[slot]) >= 10_000:
            parts[slot][2].write("".join(buffers[slot]).encode())
            buffers[slot].clear()
    files = []
    for (path, raw, packed), buffer in zip(parts, buffers):
        packed.write("".join(buffer).encode())
        packed.close()
        raw.close()
        digest = hashlib.md5()
        with open(path, "rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
        files.append({"key": str(path.relative_to(root)), "size": path.stat().st_size, "MD5checksum": digest.hexdigest()})
    manifest = root / place / options.at / "manifest.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    seconds = int(datetime.datetime.strptime(options.at, "%Y-%m-%dT%H-%MZ").replace(
        tzinfo=datetime.timezone.utc).timestamp())
    text = json.dumps({
        "sourceBucket": options.bucket, "destinationBucket": "arn:aws:s3:::inventory", "version": "2016-11-30",
        "creationTimestamp": str(seconds * 1000), "fileFormat": "CSV",
        "fileSchema": ", ".join(VERSIONED if options.versions else SCHEMA), "files": files})
    manifest.write_text(text)
    (manifest.parent / "manifest.checksum").write_text(hashlib.md5(text.encode()).hexdigest())
    return manifest


def csv(fields):
    return ",".join('"' + field.replace('"', '""') + '"' for field in fields) + "\n"


def parser():
    parsed = argparse.ArgumentParser(description="Write an S3 Inventory in CSV.")
    parsed.add_argument("directory")
    parsed.add_argument("--rows", type=int, default=100_000)
    parsed.add_argument("--databases", type=int, default=1)
    parsed.add_argument("--tables", type=int, default=20, help="tables of each database")
    parsed.add_argument("--parts", type=int, default=8)
    parsed.add_argument("--bucket", default="lake")
    parsed.add_argument("--prefix", default="inv")
    parsed.add_argument("--id", default="daily")
    parsed.add_argument("--at", default="2026-04-02T01-00Z", help="the name of the inventory's directory")
    parsed.add_argument("--seed", type=int, default=1)
    parsed.add_argument("--generation", type=int, default=0)
    parsed.add_argument("--gone", type=int, default=5, help="objects of a thousand that a further generation lacks")
    parsed.add_argument("--changed", type=int, default=5, help="of a thousand that have another ETag in it")
    parsed.add_argument("--new", type=int, default=10, help="of a thousand that are new in it")
    parsed.add_argument("--versions", action="store_true", help="list all versions")
    parsed.add_argument("--unusual", action="store_true", help="some keys have unusual letters")
    return parsed


if __name__ == "__main__":
    print(write(parser().parse_args()))
