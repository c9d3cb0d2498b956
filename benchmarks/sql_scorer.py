"""Time the query that scores raw events in DuckDB, and compare it user by user with `score`.

    python benchmarks/sql_scorer.py LOG RUN_DIR [--write]

LOG is a folder with the three files of Taobao, such as `segmentry data generate` makes; RUN_DIR is
a run on any log of their kind. The log becomes a Parquet file first, which is not timed.
"""

import argparse
import tempfile
import time
from pathlib import Path

import duckdb

import segmentry
from segmentry.activate.sql.scorer import Requested, export_sql

RESULTS = Path(__file__).with_name("RESULTS.md")
COLUMNS = {
    "user_id": "user",
    "shown_at": "time_stamp",
    "is_click": "clk",
    "is_not_click": "nonclk",
    "ad_id": "adgroup_id",
    "placement": "pid",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    query = export_sql(asked.run_dir, Requested(dialect="duckdb", start="events", columns=COLUMNS))
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as database:
        database.execute("SET threads = 2")
        events = Path(folder) / "events.parquet"
        csv = asked.log / "raw_sample.csv"
        database.execute(f"COPY (FROM '{csv}') TO '{events}'")
        database.execute(f"CREATE VIEW events AS FROM '{events}'")
        (n_events,) = database.execute("SELECT count(*) FROM events").fetchone()
        start = time.perf_counter()
        database.execute(f"CREATE TABLE scored AS {query}")
        seconds = time.perf_counter() - start
        found = dict(database.execute("SELECT user_id, segment_id FROM scored").fetchall())
    scored = segmentry.score(asked.run_dir, asked.log).segments
    expected = scored.select("user_id", "segment_id").rows()
    n_right = sum(found.get(user_id, 0) == segment_id for user_id, segment_id in expected)
    line = (
        f"- DuckDB scores {n_events:,} events from Parquet in {seconds:.1f} s on "
        f"two threads; {n_right:,} of {len(expected):,} users have the segment that `score` gives "
        "them."
    )
    print(line)
    if asked.write:
        RESULTS.write_text(RESULTS.read_text().rstrip("\n") + f"\n{line}\n")


if __name__ == "__main__":
    main()
