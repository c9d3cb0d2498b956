"""Seconds and memory of an audience from a long file of contacts.

    python benchmarks/audience.py --rows 10000000 --users 200000 --hold-out 0.1

Contacts have an e-mail address and a phone number each; every n-th is a user of the segment.
Memory is that of the process at its peak; the file is made in another one.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import polars as pl

from segmentry.activate.audience import export_audience


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--users", type=int, default=200_000)
    options.add_argument("--hold-out", type=float, default=0.1)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        maker = multiprocessing.get_context("spawn").Process(
            target=make, args=(folder, given.rows, given.users)
        )
        maker.start()
        maker.join()
        begin, begin_cpu = time.perf_counter(), time.process_time()
        audience = export_audience(
            folder,
            folder / "meta.csv",
            segment_ids=[1],
            to="meta",
            contacts=folder / "contacts.parquet",
            country="DE",
            hold_out=given.hold_out,
        )
        seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    took = f"{seconds:.0f} s, {cpu:.0f} CPU s, {peak:,.0f} MB"
    print(f"{audience.n_written:,} of {given.rows:,} rows: {took}")


def make(folder: Path, n_rows: int, n_users: int) -> None:
    """Write a run folder as an export reads it, and contacts."""
    ids = pl.int_range(0, n_users, eager=True) * (n_rows // n_users)
    segments = pl.DataFrame({"user_id": ids}).with_columns(
        segment_id=pl.lit(1), segment_name=pl.lit("High responders")
    )
    segments.write_parquet(folder / "segments.parquet")
    number = pl.col("user_id") % 9_000_000 + 1_000_000
    pl.LazyFrame({"user_id": pl.int_range(0, n_rows, eager=True)}).with_columns(
        email=pl.format("Reader.{}@Example.com", "user_id"), phone=pl.format("0170 {}", number)
    ).sink_parquet(folder / "contacts.parquet")


if __name__ == "__main__":
    main()
