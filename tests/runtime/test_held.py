"""Tables of which the numbers lie in a file."""

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from segmentry.errors import OutputError
from segmentry.runtime.held import held


def test_what_is_held_is_what_was_given(tmp_path):
    table = pl.DataFrame(
        {
            "user_id": [3, 5, 2**62],
            "n_clicks": pl.Series([1, None, 127], dtype=pl.Int8),
            "day": pl.Series([17000, 2, 3], dtype=pl.UInt16),
            "ctr": [0.1, None, float("nan")],
            "nobody": pl.Series([None, None, None], dtype=pl.Float64),
            "is_profiled": [True, False, None],
            "city": ["a", None, ""],
        }
    )
    found = held(table, tmp_path)
    assert found.schema == table.schema
    assert found.equals(table)
    assert found.filter(pl.col("n_clicks") > 1)["user_id"].to_list() == [2**62]
    assert held(table.clear(), tmp_path).equals(table.clear())
    assert list(tmp_path.iterdir()) == []


def anonymous_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("found no RssAnon")


@pytest.mark.skipif(sys.platform != "linux", reason="memory as Linux counts it")
def test_numbers_take_no_memory_of_the_process(tmp_path):
    n_rows, n_columns = 1_000_000, 30

    def column(place: int) -> pl.Series:
        values = pl.Series(f"c{place}", np.arange(n_rows) + place)
        return values if place % 2 else values.set(values % 7 == 0, None)

    held([column(0)], tmp_path)
    before = anonymous_mb()
    found = held((column(place) for place in range(n_columns)), tmp_path)
    assert found.estimated_size() > 200e6
    assert anonymous_mb() - before < 60
    assert found["c3"].sum() == n_rows * (n_rows - 1) // 2 + 3 * n_rows


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    with pytest.raises(OutputError, match="absent: temporary files cannot be written"):
        held(pl.DataFrame({"n": [1]}), tmp_path / "absent")
