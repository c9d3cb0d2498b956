"""Composition of segments by levels: their order, their labels, and what is put together."""

import numpy as np
import polars as pl
import pytest
from tests.texts import raises_text

from segmentry.describe.profiles._levels import levels_of
from segmentry.errors import SchemaError
from segmentry.schema import Feature


def feature_of(*, kind="categorical", levels=None):
    return Feature(
        name="x",
        family="demographics",
        label="x",
        unit="level",
        kind=kind,
        fill="own level",
        description="",
        levels=levels or {},
    )


def text(values, *members, kind="categorical", levels=None):
    """Return (level, label, share) of the population, or of the first segment."""
    groups = [np.array(each) for each in members]
    found = levels_of(pl.Series("x", values), groups, feature_of(kind=kind, levels=levels))
    return [(each.level, each.label, each.share) for each in found[-1].levels]


def test_text_comes_by_falling_share_then_by_text_and_unknown_last():
    values = ["fr", "it", "de", None, "it", "de", "at", "it"]

    assert text(values, levels={"it": "Italy"}) == [
        ("it", "Italy", 3 / 8),
        ("de", "de", 2 / 8),
        ("at", "at", 1 / 8),
        ("fr", "fr", 1 / 8),
        (None, "unknown", 1 / 8),
    ]


def test_a_segment_keeps_the_order_of_the_population():
    values = ["fr", "it", "it", "fr", "it"]

    assert text(values, [0, 3]) == [("it", "it", 0.0), ("fr", "fr", 1.0)]


def test_numbers_come_in_their_order_also_as_text():
    assert [level for level, _, _ in text([10, 9, 10, 100])] == ["9", "10", "100"]
    assert [level for level, _, _ in text(["10", "9", "10", "100"])] == ["9", "10", "100"]
    assert [level for level, _, _ in text([4.0, 2.5, 4.0])] == ["2.5", "4"]


def test_labels_are_found_by_the_level_as_text():
    labels = {"1": "male", "true": "yes"}

    assert text([1, 2], levels=labels) == [("1", "male", 0.5), ("2", "2", 0.5)]
    assert text([1.0, 2.0], levels=labels) == [("1", "male", 0.5), ("2", "2", 0.5)]
    assert text([True, False], levels=labels) == [("false", "false", 0.5), ("true", "yes", 0.5)]


def test_of_more_than_twenty_levels_the_rest_is_other():
    frequent = [f"level {i:02}" for i in range(20) for _ in range(3)]
    values = [*frequent, "rare", "scarce", "scarce", None]

    found = text(values)

    assert [level for level, _, _ in found] == [*sorted(set(frequent)), "other", None]
    assert found[-2:] == [("other", "other", 3 / 64), (None, "unknown", 1 / 64)]
    assert sum(share for _, _, share in found) == pytest.approx(1.0, abs=1e-12)
    assert len(text(frequent)) == 20


def test_a_level_called_other_is_put_with_the_others():
    values = ["other"] * 5 + [f"level {i:02}" for i in range(20) for _ in range(3)] + ["rare"]

    found = text(values)

    assert [level for level, _, _ in found].count("other") == 1
    assert found[-1] == ("other", "other", 6 / 66)
    assert text(["other", "de"])[1] == ("other", "other", 0.5)


def test_ordinal_levels_are_told_as_numbers_and_text_is_refused():
    assert text(["3", "1", None], kind="ordinal") == [
        ("1", "1", 1 / 3),
        ("3", "3", 1 / 3),
        (None, "unknown", 1 / 3),
    ]
    with raises_text(SchemaError):
        text(["PhD"], kind="ordinal")


def test_nobody_with_a_known_level_is_unknown():
    assert text(pl.Series([None, None], dtype=pl.String)) == [(None, "unknown", 1.0)]
