"""Load the service on this machine: single scores, batches, and clients that mean no good.

Usage: python benchmarks/service.py RUN_DIR [--write]

The service runs as a process of its own on the loopback; the client, in this process, takes a part
of the same cores. Requests and time are bounded: 4,000 single scores for each number of
connections, 40 batches of each size, 20 seconds of each. A latency is
from the first byte of a request to the last of its answer. The load average of the machine stands
beside the figures: on a busy machine they are upper bounds of what the service needs. Any answer
that is lost or wrong ends the benchmark with code 1. ``--write`` appends to
``benchmarks/RESULTS.md``.
"""

import argparse
import asyncio
import itertools
import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

RESULTS = Path(__file__).with_name("RESULTS.md")
CONNECTIONS, N_SINGLE = (1, 4), 4_000
BATCHES, N_BATCHES = (1_000, 10_000, 50_000), 40
MAX_SECONDS = 20.0
"""Of one measurement; what is left then is not sent."""


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    words = [sys.executable, "-m", "segmentry", "serve", str(args.run_dir), "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            port = int(server.stdout.readline().split()[1].rpartition(":")[2])
            lines = asyncio.run(measured(args, port, server.pid))
        finally:
            server.terminate()
    found = [
        f"\n## Service, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n",
        f"`python benchmarks/service.py RUN_DIR`; {os.cpu_count()} cores, load {load} before.\n",
        *lines,
    ]
    print("\n".join(found))
    if args.write:
        with RESULTS.open("a", encoding="utf-8") as results:
            results.write("\n".join(found) + "\n")
    sys.exit(1 if server.returncode or any("LOST" in line for line in lines) else 0)


async def measured(args, port, pid):
    """Return a line for each measurement."""
    users, expected = users_of(args.run_dir)
    lines = ["| | | |", "|---|---:|---:|"]
    await singles(port, users, expected, 1, 50)  # to warm up
    for n in CONNECTIONS:
        begun = time.perf_counter()
        seconds = await singles(port, users, expected, n, N_SINGLE)
        rate = len(seconds) / (time.perf_counter() - begun)
        p50, p99 = (1e3 * np.quantile(seconds, share) for share in (0.5, 0.99))
        lines.append(
            f"| {len(seconds):,} single scores, {n} connections | {rate:,.0f}/s "
            f"| p50 {p50:.1f} ms, p99 {p99:.1f} ms |"
        )
    lines += [await batches(port, users, expected, size) for size in BATCHES]
    lines.append(f"| memory of the server, peak so far | {peak(pid):,} MB | |")
    for name, trial in (("1,000 connections", crowd), ("body of 1 GB", giant), ("slow", slow)):
        before = peak(pid)
        lines.append(f"| {name} | {await trial(port, users)} | +{peak(pid) - before:,} MB |")
    return lines


def users_of(run_dir):
    """Return users of raw features, and the segment that the run put each into."""
    from segmentry.serve._live import read_model

    names = [field.name for field in read_model(run_dir, has_users=False).of_users.fields]
    table = pl.read_parquet(run_dir / "users.parquet", columns=names)
    found = pl.read_parquet(run_dir / "segments.parquet")
    return table.to_dicts(), dict(zip(found["user_id"], found["segment_id"], strict=True))


def request_of(users):
    body = json.dumps({"users": users}).encode()
    head = f"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: application/json\r\n\r\n".encode() + body


async def asked(streams, request):
    """Send a request and return status and body of the answer."""
    reader, writer = streams
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", head)[1])
    return int(head.split()[1]), await reader.readexactly(length)


def check(answer, users, expected):
    status, body = answer
    found = [each["segment_id"] for each in json.loads(body)["users"]] if status == 200 else []
    if found != [expected[user["user_id"]] for user in users]:
        sys.exit(f"a wrong answer: {status} {body[:300]!r}")


async def singles(port, users, expected, n_connections, n_requests):
    """Return the seconds of each request; connections work through the users side by side."""
    ones = [[user] for user in itertools.islice(itertools.cycle(users), n_requests)]
    left, seconds = iter([(one, request_of(one)) for one in ones]), []
    until = time.monotonic() + MAX_SECONDS

    async def work():
        streams = await asyncio.open_connection("127.0.0.1", port)
        for one, request in left:
            if time.monotonic() > until:
                break
            begun = time.perf_counter()
            answer = await asked(streams, request)
            seconds.append(time.perf_counter() - begun)
            check(answer, one, expected)
        streams[1].close()

    await asyncio.gather(*(work() for _ in range(n_connections)))
    return seconds


async def batches(port, users, expected, size):
    """Two connections send batches; answers are checked when the clock has stopped."""
    batch = list(itertools.islice(itertools.cycle(users), size))
    request, answers = request_of(batch), []
    n_each = max(2, min(N_BATCHES, 400_000 // size) // 2)
    until = time.monotonic() + MAX_SECONDS

    async def work():
        streams = await asyncio.open_connection("127.0.0.1", port, limit=2**26)
        for _ in range(n_each):
            if time.monotonic() > until:
                break
            answers.append(await asked(streams, request))
        streams[1].close()

    begun = time.perf_counter()
    await asyncio.gather(work(), work())
    seconds = time.perf_counter() - begun
    for answer in answers:
        check(answer, batch, expected)
    n_users = size * len(answers)
    rate = f"{n_users / seconds:,.0f} users/s"
    return f"| {len(answers)} batches of {size:,} users, 2 connections | {rate} | |"


async def crowd(port, users):
    """1,000 connections at one time, one request each."""
    request = request_of(users[:1])
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(1_000)]
    answers = await asyncio.gather(*(asked(streams, request) for streams in opened))
    for _, writer in opened:
        writer.close()
    n_lost = sum(status != 200 for status, _ in answers)
    return f"{n_lost} LOST" if n_lost else "all answered"


async def giant(port, _):
    """A body of 1 GB, once with its length and once in chunks without."""
    found = []
    for how in ("Content-Length: 1000000000", "Transfer-Encoding: chunked"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{how}"
        writer.write(f"{head}\r\n\r\n".encode())
        chunk = b" " * 2**20
        n_sent = 0
        try:
            while n_sent < 1_000_000_000:
                writer.write(chunk if "Length" in how else b"%x\r\n%b\r\n" % (len(chunk), chunk))
                await writer.drain()
                n_sent += len(chunk)
        except OSError:
            pass
        try:
            status = int((await reader.readline()).split()[1])
        except (OSError, IndexError):
            status = 0  # the answer was overtaken by the end of the connection
        writer.close()
        found.append(f"{status or 'cut off'} after {n_sent / 2**20:,.0f} MB")
    return "; ".join(found)


async def slow(port, users):
    """A body of which a byte comes each second; others are served meanwhile."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = request_of(users[:1])
    end = request.index(b"\r\n\r\n") + 4
    writer.write(request[:end])
    begun, streams = time.perf_counter(), await asyncio.open_connection("127.0.0.1", port)
    answer = asyncio.ensure_future(reader.readline())
    for byte in request[end:]:
        writer.write(bytes([byte]))
        status, _ = await asked(streams, request)
        if status != 200:
            return "others LOST"
        if answer.done() or time.perf_counter() - begun > 40:
            break
        await asyncio.sleep(1)
    line = (await answer).split()
    writer.close()
    return f"{int(line[1])} after {time.perf_counter() - begun:.0f} s, others served"


def peak(pid):
    """Return the most memory that a process has had, in MB."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) // 1024


if __name__ == "__main__":
    main()
