#!/usr/bin/env python3
"""Serves a directory as a bucket of S3, to be read: HEAD, GET with ranges, ListObjectsV2. Any signature will do.

    bucketserver.py DIR      prints its port, and ends with its standard input
"""

import http.server
import os
import pathlib
import re
import sys
import threading
import urllib.parse
import xml.sax.saxutils

ROOT = pathlib.Path()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        address = urllib.parse.urlsplit(self.path)
        _, _, key = urllib.parse.unquote(address.path).lstrip("/").partition("/")
        query = urllib.parse.parse_qs(address.query, keep_blank_values=True)
        if "list-type" in query:
            return self.list(query.get("prefix", [""])[0])
        path = ROOT / key
        if not key or not path.is_file():
            return self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        size = path.stat().st_size
        headers = [("ETag", f'"{size:032x}"'), ("Last-Modified", "Thu, 02 Apr 2026 02:00:00 GMT"), ("Accept-Ranges", "bytes")]
        if self.command == "HEAD":
            self.send_response(200)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(size))
            return self.end_headers()
        first, last, status = 0, size - 1, 200
        if found := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")):
            first, last, status = int(found[1]), min(int(found[2]), size - 1), 206
            headers.append(("Content-Range", f"bytes {first}-{last}/{size}"))
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        self.wfile.flush()
        with open(path, "rb") as file:
            offset = first
            while offset <= last:
                offset += os.sendfile(self.connection.fileno(), file.fileno(), offset, last - offset + 1)

    def list(self, prefix):
        rows = []
        for path in sorted(ROOT.rglob("*")):
            key = str(path.relative_to(ROOT))
            if path.is_file() and key.startswith(prefix):
                rows.append(f"<Contents><Key>{xml.sax.saxutils.escape(urllib.parse.quote(key))}</Key><Size>{path.stat().st_size}</Size>"
                            "<LastModified>2026-04-02T02:00:00.000Z</LastModified><ETag>x</ETag></Contents>")
        body = ("<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
                + "".join(rows) + "</ListBucketResult>").encode()
        self.answer(200, body, [("Content-Type", "application/xml")])


def main():
    global ROOT
    ROOT = pathlib.Path(sys.argv[1])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
