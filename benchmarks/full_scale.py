"""The size of the real Taobao log: generate it, run on it, print seconds and memory per step.

``--verify`` also runs twice with the same seed and compares the summaries byte by byte. Each
run is a process of its own. Results are quoted in docs/performance.md.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

N_USERS = 1_141_729


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=N_USERS)
    parser.add_argument("--data", type=Path, help="keep and reuse the generated files here")
    parser.add_argument("--verify", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="segmentry-bench-") as scratch:
        data = options.data or Path(scratch) / "data"
        if not (data / "raw_sample.csv").exists():
            began = time.perf_counter()
            call("data", "generate", str(data), "--users", str(options.users))
            print(f"generated {options.users:,} users in {time.perf_counter() - began:.1f} s")
        first = run(data, Path(scratch) / "first")
        run(data, Path(scratch) / "classic", "--recipe", "classic")
        if options.verify:
            is_same = first == run(data, Path(scratch) / "second")
            print(f"same seed twice: {is_same}")
            sys.exit(0 if is_same else 1)


def run(data: Path, out: Path, *options: str) -> bytes:
    """Run once, print the manifest's steps, return the bytes of the summary."""
    began = time.perf_counter()
    call("run", str(data), "--out", str(out), *options)
    wall = time.perf_counter() - began
    manifest = json.loads((out / "manifest.json").read_text())
    print(f"\nsegmentry run {' '.join(options)}: {wall:.1f} s in all")
    print("| step | seconds | peak memory so far, MB |")
    print("|---|---|---|")
    for step in manifest["steps"]:
        print(f"| {step['step']} | {step['seconds']:.1f} | {step['peak_memory_mb']:,.0f} |")
    return (out / "summary.json").read_bytes()


def call(*words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "segmentry", *words], check=True, stdout=subprocess.DEVNULL
    )


if __name__ == "__main__":
    main()
