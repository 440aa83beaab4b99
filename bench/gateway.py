"""A Ceph object gateway for the benchmarks, started by scripts/rgw.sh and ended with it."""

import os
import pathlib
import shutil
import subprocess
import tempfile

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "scripts" / "rgw.sh"
PROGRAMS = ("radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "ceph", "openssl", "curl")


class Gateway:
    """One node on the loopback, over HTTP and TLS; `region` is what signatures name, since it has none."""

    region = "us-east-1"

    def __init__(self, room):
        self.directory = tempfile.mkdtemp(prefix="rgw.", dir=room)
        try:
            done = subprocess.run([str(SCRIPT), "up", self.directory], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  timeout=300, check=False)
            values = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
            if done.returncode != 0 or "HTTP" not in values:
                raise OSError(f"{SCRIPT} up: status {done.returncode}: {done.stderr.strip()}")
        except BaseException:
            self.stop()
            raise
        self.http, self.tls, self.certificate = values["HTTP"], values["TLS"], values["CA"]
        self.environment = {
            "AWS_ACCESS_KEY_ID": values["ACCESS_KEY"], "AWS_SECRET_ACCESS_KEY": values["SECRET_KEY"],
            "AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region, "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required", "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
            "AWS_CA_BUNDLE": self.certificate, "no_proxy": "127.0.0.1,localhost",
            # Nothing of the user's own.
            "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "RCLONE_CONFIG": "/dev/null",
        }

    def admin(self, *arguments):
        return subprocess.run(["radosgw-admin", "-c", f"{self.directory}/ceph.conf", *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)

    def make(self, bucket):
        """An empty bucket of that name, whatever it was before."""
        self.admin("bucket", "rm", f"--bucket={bucket}", "--purge-objects", "--bypass-gc")
        self.call("mb", f"s3://{bucket}")

    def listed(self, bucket):
        """The bucket's objects: {key: size}."""
        lines = self.call("ls", "--recursive", f"s3://{bucket}").splitlines()
        return {line.split(None, 3)[3]: int(line.split(None, 3)[2]) for line in lines if line}

    def call(self, *arguments):
        done = subprocess.run(["aws", "--endpoint-url", self.http, "s3", *arguments], env=os.environ | self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise OSError(f"aws s3 {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def stop(self):
        subprocess.run([str(SCRIPT), "down", self.directory], check=False)
        shutil.rmtree(self.directory, ignore_errors=True)
