"""Ids as small numbers, and pairs counted in a table or by sorting: the same answers."""

import numpy as np
import polars as pl
import pytest

from segmentry.features import packing
from segmentry.features.packing import Places, count_pairs, numbers_of, order_by

IDS = {
    "small": [7, 0, 8_388_607, 7, 3],
    "beyond the table": [7, 0, 8_388_608, 7, 3],
    "of 63 bits": [7, 2**63 - 1, 9, 7, 3],
    "below zero": [7, -1, 9, 7, 3],
    "text": ["b", "a", "ü", "b", "A"],
    "with null": [7, None, 9, 7, 3],
    "text with null": ["b", None, "c", "b", "A"],
    "only null": [None, None],
    "none": [],
}


@pytest.mark.parametrize("values", IDS.values(), ids=IDS)
def test_ids_are_numbered_in_their_order_and_found_again(values):
    kind = pl.String if any(isinstance(value, str) for value in values) else pl.Int64
    ids = pl.Series("id", values, dtype=kind)

    known, number = numbers_of(ids)

    distinct = sorted({value for value in values if value is not None})
    expected = [-1 if value is None else distinct.index(value) for value in values]
    assert known.to_list() == distinct
    assert known.dtype == kind
    assert number.tolist() == expected
    assert Places.among(known).of(ids).tolist() == expected
    assert Places.among(known.head(1)).of(ids).tolist() == [
        0 if each == 0 else -1 for each in expected
    ]


@pytest.mark.parametrize("most_dense", [0, 1 << 23])
def test_pairs_are_those_of_a_loop_in_a_table_and_by_sorting(most_dense, monkeypatch):
    monkeypatch.setattr(packing, "_MAX_DENSE", most_dense)
    rng = np.random.default_rng(1)
    user, key, click = (rng.integers(0, top, 300).astype(np.int32) for top in (9, 12, 2))
    user.sort()

    found = count_pairs(user, key, click.astype(np.int8), n_users=9, n_keys=12)

    shown, clicked = {}, {}
    for pair, is_click in zip(zip(user, key, strict=True), click, strict=True):
        shown[pair] = shown.get(pair, 0) + 1
        clicked[pair] = clicked.get(pair, 0) + is_click
    pairs = [*zip(found.user, found.key, strict=True)]
    assert sorted(pairs) == sorted(shown)
    assert dict(zip(pairs, found.n_more + 1, strict=True)) == shown
    of_clicked = [pairs[place] for place in found.is_clicked]
    assert dict(zip(of_clicked, found.n_clicks, strict=True)) == {
        pair: n for pair, n in clicked.items() if n
    }


@pytest.mark.parametrize("top", [2, 900, (1 << 20) + 1, 1 << 31])
@pytest.mark.parametrize("n_rows", [0, 1, 3_000])
def test_rows_come_in_the_order_of_numbers_and_keep_theirs_among_equal_ones(top, n_rows):
    rng = np.random.default_rng(2)
    number, carried = rng.integers(0, min(top, 1 << 31), n_rows), rng.integers(0, 99, n_rows)
    number[: n_rows // 2] = number[n_rows - n_rows // 2 :]

    places, moved = order_by(number, top, carried)

    expected = np.argsort(number, kind="stable")
    assert places.tolist() == expected.tolist()
    assert moved.tolist() == carried[expected].tolist()
