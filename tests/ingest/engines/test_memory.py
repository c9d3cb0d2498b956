"""A log that is split is never held: what a process takes does not grow with the rows."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from segmentry.ingest.engines import ENGINES

N_ROWS = 3_000_000
LIMIT_MB = 500

SPLIT = """
import json, sys, threading, time
from pathlib import Path

from segmentry.ingest.engines import open_engine
from segmentry.ingest.sources import find_source

data, scratch, name = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
peak = [0.0]

def watch():
    while True:
        lines = Path("/proc/self/status").read_text().splitlines()
        now = next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
        peak[0] = max(peak[0], now * 1024 / 1e6)
        time.sleep(0.01)

threading.Thread(target=watch, daemon=True).start()
engine = open_engine(name, scratch=scratch, memory="500MB")
log = engine.split_log(
    find_source(data, None).behaviours,
    scratch / "parts",
    n_parts=6,
    exclude={},
    keep_users=None,
    on_progress=lambda _done, _total: None,
)
engine.close()
print(json.dumps({"peak": peak[0], "read": log.account.n_read, "parts": len(log.parts)}))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "raw_sample.csv").write_text(
        "user,time_stamp,adgroup_id,pid,nonclk,clk\n1,1494000000,1,a,1,0\n"
    )
    row = pl.int_range(N_ROWS, eager=True)
    words = ["pv"] * 17 + ["cart", "fav", "buy"]
    pl.DataFrame(
        {
            "user": row * 7_919 % 40_009,
            "time_stamp": 1_493_000_000 + row * 31 % 1_500_000,
            "btag": pl.Series(words).gather(row % len(words)),
            "cate": row * 13 % 9_973,
            "brand": row * 17 % 99_991,
        }
    ).write_csv(folder / "behavior_log.csv")
    return folder


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("name", ENGINES)
def test_splitting_millions_of_rows_keeps_to_the_memory(name, data, tmp_path):
    child = subprocess.run(
        [sys.executable, "-c", SPLIT, str(data), str(tmp_path), name],
        env={**os.environ, "POLARS_MAX_THREADS": "2"},
        capture_output=True,
        text=True,
        check=True,
    )

    text = json.loads(child.stdout)
    assert (text["read"], text["parts"]) == (N_ROWS, 6)
    assert text["peak"] <= 1.15 * LIMIT_MB
