#!/usr/bin/env python3
"""Passes TCP connections on to another port of this machine, slower or worse than the loopback does.

    netproxy.py --to 22 [--delay MS] [--cut-after BYTES] [--freeze-after BYTES]

It prints the port on which it listens (loopback only) and serves until it is killed. --delay holds each piece back for
so many milliseconds on each way, in order; --cut-after ends a connection once so many bytes came back through it;
--freeze-after stops passing anything on then, but keeps the connection.
"""

import argparse
import asyncio


async def pass_on(reader, writer, options, counted):
    loop = asyncio.get_running_loop()
    pieces = asyncio.Queue(maxsize=4096)
    total = 0

    async def write():
        while (piece := await pieces.get()) is not None:
            due, data = piece
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            writer.write(data)
            await writer.drain()
        writer.close()

    writing = asyncio.create_task(write())
    try:
        while data := await reader.read(256 << 10):
            total += len(data)
            if counted and options.freeze_after and total > options.freeze_after:
                await asyncio.sleep(1e6)
            if counted and options.cut_after and total > options.cut_after:
                keep = len(data) - (total - options.cut_after)
                await pieces.put((loop.time() + options.delay / 1000, data[:keep]))
                break
            await pieces.put((loop.time() + options.delay / 1000, data))
    except ConnectionError:
        pass
    await pieces.put(None)
    try:
        await writing
    except ConnectionError:
        pass


async def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=int, required=True)
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--cut-after", type=int, default=0)
    parser.add_argument("--freeze-after", type=int, default=0)
    options = parser.parse_args()

    async def connected(reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", options.to)
        except OSError:
            writer.close()
            return
        done = [
            asyncio.create_task(pass_on(reader, far_writer, options, False)),
            asyncio.create_task(pass_on(far_reader, writer, options, True)),
        ]
        await asyncio.wait(done, return_when=asyncio.FIRST_COMPLETED)
        if options.cut_after:
            for end in (writer, far_writer):
                end.close()
        await asyncio.wait(done, timeout=5)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
