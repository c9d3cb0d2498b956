"""A log of full size as Parquet: read from this machine, and from an object store on the loopback.

The store is moto's, in a process of its own. Each run is a process too, by turns, so that both meet
the same other load; the summaries are compared byte by byte. Results are in RESULTS.md.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUCKET = "benchmark"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="Taobao files, as full_scale.py generates them")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--memory", default="2GB")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="segmentry-bench-") as scratch:
        home = Path(scratch)
        local = as_parquet(options.data, home / "data")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            fill(local, f"http://127.0.0.1:{port}")
            compare(local, home, repeats=options.repeats, memory=options.memory)
        finally:
            server.terminate()
            server.wait()


def as_parquet(data: Path, folder: Path) -> Path:
    """Write the files as Parquet, in row groups of a million rows; they may be that already."""
    import duckdb

    if (data / "raw_sample.parquet").exists():
        return data
    folder.mkdir()
    for file in sorted(data.glob("*.csv")):
        target = folder / f"{file.stem}.parquet"
        options = "ROW_GROUP_SIZE 1000000, COMPRESSION zstd"
        duckdb.sql(f"COPY (FROM read_csv('{file}')) TO '{target}' ({options})")
    return folder


def fill(local: Path, address: str) -> None:
    """Put the files into a bucket; the environment then leads to it."""
    import boto3

    os.environ |= {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    client = boto3.client("s3")
    for _ in range(100):
        try:
            client.create_bucket(Bucket=BUCKET)
            break
        except OSError:
            time.sleep(0.2)
        except Exception as error:  # the server is not there yet
            if "onnect" not in str(error):
                raise
            time.sleep(0.2)
    for file in sorted(local.iterdir()):
        client.upload_file(str(file), BUCKET, f"{local.name}/{file.name}")


def compare(local: Path, home: Path, *, repeats: int, memory: str) -> None:
    """Run by turns and print seconds, memory and bytes."""
    sources = {"local": str(local), "object store": f"s3://{BUCKET}/{local.name}"}
    seconds: dict[str, list[float]] = {name: [] for name in sources}
    summaries = set()
    print("| files | run, s | peak memory, MB | fetched, MB | of, MB |")
    print("|---|---|---|---|---|")
    for turn in range(repeats):
        for name, data in sources.items():
            out = home / f"{name.replace(' ', '-')}-{turn}"
            words = ["run", data, "--out", str(out), "--recipe", "classic", "--memory", memory]
            began = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "segmentry", *words], check=True, stdout=subprocess.DEVNULL
            )
            seconds[name].append(time.perf_counter() - began)
            manifest = json.loads((out / "manifest.json").read_text())
            peak = max(step["peak_memory_mb"] for step in manifest["steps"])
            read = sum(each.get("n_bytes_read") or 0 for each in manifest["inputs"]) / 1e6
            size = sum(each["n_bytes"] for each in manifest["inputs"]) / 1e6
            print(
                f"| {name} | {seconds[name][-1]:.1f} | {peak:,.0f} | {read:,.1f} | {size:,.1f} |",
                flush=True,
            )
            summaries.add((out / "summary.json").read_bytes())
    best = {name: min(found) for name, found in seconds.items()}
    print(f"\nratio of the fastest runs: {best['object store'] / best['local']:.2f}")
    print(f"equal bytes of summary.json: {len(summaries) == 1}")


if __name__ == "__main__":
    main()
