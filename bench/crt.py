#!/usr/bin/env python3
"""Uploads every file below a directory through the AWS Common Runtime, by boto3: crt.py ENDPOINT DIRECTORY BUCKET

The aws command of Debian can be told to use the same library, but that version of it loses an endpoint's port.
"""

import os
import sys

import botocore.session
import s3transfer.crt
from s3transfer.crt import BotocoreCRTCredentialsWrapper, BotocoreCRTRequestSerializer, CRTTransferManager, create_s3_crt_client

# An upload whose caller names a checksum gets none in its trailer: Ceph 16 doesn't know that trailer and refuses it.
s3transfer.crt.FULL_OBJECT_CHECKSUM_ARGS = ["ContentType"]

endpoint, directory, bucket = sys.argv[1:]
session = botocore.session.get_session()
region = session.get_config_variable("region")
serializer = BotocoreCRTRequestSerializer(session, {"region_name": region, "endpoint_url": endpoint})
credentials = BotocoreCRTCredentialsWrapper(session.get_credentials()).to_crt_credentials_provider()
verify = os.environ.get("AWS_CA_BUNDLE") if endpoint.startswith("https:") else None
client = create_s3_crt_client(region, credentials, use_ssl=endpoint.startswith("https:"), verify=verify)
with CRTTransferManager(client, serializer) as transfers:
    pending = []
    for root, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(root, name)
            if not os.path.islink(path):
                pending.append(transfers.upload(path, bucket, os.path.relpath(path, directory),
                                                {"ContentType": "application/gzip"}))
    for transfer in pending:
        transfer.result()
