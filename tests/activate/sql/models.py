"""Random models and tables of users, with what is hard: ties, nulls, levels never seen, big ids."""

from dataclasses import replace

import numpy as np
import polars as pl
from hypothesis import strategies as st

from segmentry.results.scoring import Bundle
from segmentry.schema import Window
from segmentry.segments.forming import CellColumn, CellModel
from segmentry.segments.preprocessing import FittedColumn, Preprocessing

HOSTILE = (
    "total spend",
    "order",
    'a"b',
    "größe",
    "d1",
    "margin",
    "user",
    "x`y",
    "O'Brien",
    "select",
)
LEVELS = ("a", "A", "b ", "O'Brien", "1", "ß\\n", "")
SCALES = ("none", "log1p", "logit")
# PostgreSQL refuses the square of a number below 1e-154, where others have 0.
_FRACTIONS = st.integers(-(10**9), 10**9).map(lambda n: n / 3e8)
_NUMBERS = st.one_of(
    st.integers(-3, 9).map(float),
    _FRACTIONS,
    st.sampled_from([0.1, 0.5, 1e-9, 1e6, -0.0]),
)

PLAIN = FittedColumn(
    feature="", weight=1.0, fill="zero", fill_value=0.0, fill_level=None, transform="none",
    clip_low=None, clip_high=None, scale_by="none", center=0.0, scale=1.0, marks_missing=False,
    levels=None, knots=(), note="",
)  # fmt: skip

SCORED = ("user_id", "segment_id", "segment_name", "margin")


def window_of(n_days=8):
    return Window.around(1494000000, 1494000000 + (n_days - 1) * 86400, utc_offset_hours=8)


@st.composite
def columns(draw, name):
    """Return a fitted feature, and the values that users have of it."""
    if draw(st.booleans()):
        return draw(_categorical(name))
    low, high = sorted(draw(st.tuples(_NUMBERS, _NUMBERS)))
    is_clipped = draw(st.booleans())
    fill = draw(st.sampled_from(["zero", "median", "own level", "none"]))
    values = draw(st.sampled_from([
        st.integers(-2, 12),
        _FRACTIONS | st.sampled_from([float("nan"), float("inf"), float("-inf"), 0.5]),
        st.booleans(),
    ]))  # fmt: skip
    fitted = FittedColumn(
        feature=name,
        weight=draw(st.sampled_from([1.0, 2.0, 0.3])),
        fill=fill,
        fill_value=None if fill == "none" else draw(_NUMBERS),
        fill_level=None,
        transform=draw(st.sampled_from(SCALES)),
        clip_low=low if is_clipped else None,
        clip_high=high if is_clipped else None,
        scale_by="robust",
        center=draw(_NUMBERS),
        scale=draw(st.sampled_from([1.0, 0.5, 1.349, 3.0])),
        marks_missing=fill == "own level",
        levels=None,
        knots=(),
        note="",
        factor=draw(st.sampled_from([1.0, 28 / 30, 7.0])),
    )
    return fitted, values


@st.composite
def _categorical(draw, name):
    kind = draw(st.sampled_from(["text", "whole", "part", "boolean"]))
    of_kind = {
        "text": st.sampled_from(LEVELS),
        "whole": st.integers(-2, 4),
        "part": st.sampled_from([1.0, 2.5, -0.0, float("nan"), 1e20]),
        "boolean": st.booleans(),
    }
    known = {
        "text": LEVELS, "whole": ("-2", "0", "1", "3"), "part": ("1", "2.5", "0"),
        "boolean": ("true", "false"),
    }[kind]  # fmt: skip
    levels = tuple(draw(st.lists(st.sampled_from(known), min_size=1, max_size=4, unique=True)))
    fill = draw(st.sampled_from(["mode", "own level", "none"]))
    fitted = FittedColumn(
        feature=name,
        weight=draw(st.sampled_from([1.0, 0.7])),
        fill=fill,
        fill_value=None,
        fill_level=draw(st.sampled_from(levels)) if fill == "mode" else None,
        transform="none",
        clip_low=None,
        clip_high=None,
        scale_by="none",
        center=0.0,
        scale=1.0,
        marks_missing=fill == "own level",
        levels=levels,
        knots=(),
        note="",
    )
    return fitted, of_kind[kind]


@st.composite
def scored_tables(draw):
    """Return a model and a table of users that it can score."""
    names = draw(
        st.lists(st.sampled_from(("ctr", "n_ads", *HOSTILE)), min_size=1, max_size=4, unique=True)
    )
    drawn = [draw(columns(name)) for name in names]
    preprocessing = Preprocessing(tuple(fitted for fitted, _ in drawn), ())
    n_users = draw(st.integers(1, 12))
    values = {
        name: pl.Series(
            name, draw(st.lists(st.none() | each, min_size=n_users, max_size=n_users)), strict=False
        )
        for name, (_, each) in zip(names, drawn, strict=True)
    }
    table = pl.DataFrame(
        {
            "user_id": draw(ids(n_users)),
            "is_profiled": draw(st.lists(st.booleans(), min_size=n_users, max_size=n_users)),
            "n_impressions": draw(
                st.lists(st.integers(0, 2) | st.none(), min_size=n_users, max_size=n_users)
            ),
            **values,
        },
        schema_overrides={"is_profiled": pl.Boolean, "n_impressions": pl.Int64},
    )
    # A column without any known value has no type of its own.
    table = table.with_columns(
        pl.col(name).cast(pl.Float64) for name in names if table[name].dtype == pl.Null
    )
    centers = _centers(draw, preprocessing, table)
    return bundle_of(
        preprocessing, centers, draw(st.sampled_from(["default", "classic", "table"]))
    ), table


def _centers(draw, preprocessing, table):
    """Return centres on users, halfway between two, and anywhere: the first two make ties."""
    n_columns = len(preprocessing.columns)
    is_in = preprocessing.complete(table)
    rows = preprocessing.transform(table.filter(pl.Series(is_in))) if is_in.any() else None
    found = []
    for _ in range(draw(st.integers(1, 4))):
        if rows is not None and draw(st.booleans()):
            one, other = (rows[draw(st.integers(0, len(rows) - 1))] for _ in range(2))
            found.append(one if draw(st.booleans()) else (one + other) / 2)
        else:
            found.append(draw(st.lists(_NUMBERS, min_size=n_columns, max_size=n_columns)))
    return np.array(found, dtype=np.float64).reshape(-1, n_columns)


def ids(n_users):
    """Return distinct ids, as numbers up to the largest or as texts."""
    numbers = st.integers(-(2**63), 2**63 - 1) | st.integers(2**53, 2**53 + 20)
    texts = st.text("abÅ'\"\\ %", min_size=1, max_size=4)
    return st.one_of(
        st.lists(numbers, min_size=n_users, max_size=n_users, unique=True),
        st.lists(texts, min_size=n_users, max_size=n_users, unique=True),
    )


def bundle_of(preprocessing, centers, recipe="table", **more):
    names = tuple(f"Segment '{i}' \\ \"x\"" for i in range(1, len(centers) + 1))
    others = {
        "algorithm": "kmeans", "prior": None, "main_placement": None, "attributes": (),
        "window": window_of(),
    }  # fmt: skip
    return Bundle(
        recipe=recipe,
        names=names,
        centers=tuple(tuple(map(float, center)) for center in centers),
        preprocessing=preprocessing,
        **others | more,
    )


@st.composite
def cell_tables(draw):
    """Return a model of cells and a table of users, many of them on a cut."""
    features = ("recency_days", "n_impressions", "value_sum")[: draw(st.integers(2, 3))]
    values = st.none() | st.integers(0, 6).map(float) | st.sampled_from([float("nan"), 2.5])
    columns = []
    for name in features:
        cuts = sorted(draw(st.sets(st.integers(0, 5).map(float), max_size=4)))
        scores = draw(st.lists(st.integers(1, 5), min_size=len(cuts) + 1, max_size=len(cuts) + 1))
        columns.append(
            CellColumn(
                feature=name,
                is_recency=name == "recency_days",
                cuts=tuple(cuts),
                scores=tuple(sorted(scores, reverse=name == "recency_days")),
            )
        )
    n_segments = draw(st.integers(1, 4))
    segments = draw(st.lists(st.integers(0, n_segments - 1), min_size=6, max_size=6))
    names = tuple(f"Cell {place}" for place in range(n_segments))
    model = CellModel(columns=tuple(columns), segments=tuple(segments), names=names)
    factor = draw(st.sampled_from([1.0, 2.0]))
    fitted = [replace(PLAIN, feature=each, factor=factor) for each in features]
    centers = [[draw(_NUMBERS) for _ in features] for _ in range(n_segments)]
    rows = draw(st.lists(st.tuples(*(values for _ in features)), min_size=1, max_size=12))
    table = pl.DataFrame(rows, schema=dict.fromkeys(features, pl.Float64), orient="row")
    ids = pl.Series("user_id", range(table.height))
    bundle = bundle_of(Preprocessing(tuple(fitted), ()), centers, algorithm="cells", cells=model)
    return bundle, table.with_columns(ids, pl.lit(value=True).alias("is_profiled"))
