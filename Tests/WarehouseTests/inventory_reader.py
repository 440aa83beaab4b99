#!/usr/bin/env python3
"""Reads an inventory with Python's own means, and compares it with entry lists of coldchain: a second opinion.

    inventory_reader.py MANIFEST ROOT [LIST.entries.tsv.gz ...]

MANIFEST is a manifest.json, ROOT the directory that its files' keys are below. Without lists it prints the objects. It
shares no code with the program, nor with what makes inventories for tests.
"""

import csv
import gzip
import hashlib
import io
import json
import pathlib
import re
import sys
import urllib.parse


def objects(manifest, root):
    """Key (bytes) to (size, ETag, version, class) of all objects that are there now."""
    text = pathlib.Path(manifest).read_bytes()
    checksum = pathlib.Path(manifest).with_name("manifest.checksum").read_text().strip()
    assert hashlib.md5(text).hexdigest() == checksum, "manifest.checksum"
    document = json.loads(text)
    names = [name.strip() for name in document["fileSchema"].split(",")]
    found = {}
    for file in document["files"]:
        packed = (pathlib.Path(root) / file["key"]).read_bytes()
        assert len(packed) == file["size"] and hashlib.md5(packed).hexdigest() == file["MD5checksum"], file["key"]
        for row in csv.reader(io.StringIO(gzip.decompress(packed).decode(), newline="")):
            fields = dict(zip(names, row, strict=True))
            if fields.get("IsLatest", "true") != "true" or fields.get("IsDeleteMarker", "false") == "true":
                continue
            key = urllib.parse.unquote_to_bytes(fields["Key"].replace("+", " "))
            assert key not in found, key
            found[key] = (int(fields["Size"]), fields["ETag"], fields.get("VersionId", ""), fields["StorageClass"])
    return found


def unescaped(field):
    plain = {b"t": b"\t", b"n": b"\n", b"r": b"\r", b"\\": b"\\"}
    return re.sub(rb"\\(x..|.)", lambda hit: bytes.fromhex(hit[1][1:].decode()) if hit[1][:1] == b"x" else plain[hit[1]], field)


def listed(path):
    """The same of an entry list; keys must be in order."""
    found, last = {}, b""
    with gzip.open(path, "rb") as file:
        names = file.readline().rstrip(b"\n").split(b"\t")
        for line in file:
            fields = dict(zip(names, line.rstrip(b"\n").split(b"\t"), strict=True))
            key = unescaped(fields[b"key"])
            assert key > last, f"{key} is not in order"
            last = key
            identity = fields[b"identity"].decode().split(":")
            assert identity[0] == "etag"
            found[key] = (int(fields[b"size"]), identity[1], identity[2] if len(identity) > 2 else "", fields[b"class"].decode())
    return found


def main():
    manifest, root, *lists = sys.argv[1:]
    wanted = objects(manifest, root)
    if not lists:
        for key in sorted(wanted):
            print(key.hex(), *wanted[key])
        return
    found = {}
    for path in lists:
        found.update(listed(path))
    for key in wanted.keys() | found.keys():
        if wanted.get(key) != found.get(key):
            sys.exit(f"{key}: the inventory has {wanted.get(key)}, the lists {found.get(key)}")
    print(f"{len(found)} objects are the same")


if __name__ == "__main__":
    main()
