"""What is said of a small log by segment, worked out by hand or by a slow loop."""

from collections import Counter

import numpy as np
import polars as pl
import pytest
from tests.reads import ads_of, split_rows

from segmentry.describe.exposure import HoldOut, Members, _describe, describe_log
from segmentry.features import count_users
from segmentry.schema import Estimate, Window

MIDNIGHT = 1_494_000_000
DAY = 86_400
WINDOW = Window(start=MIDNIGHT, end=MIDNIGHT + 8 * DAY, utc_offset_hours=8)
ADS = {1: (10, 100, 7, 40.0), 2: (10, 101, None, 300.0), 3: (20, 101, 8, None)}


def drawn_log(seed=3, n_users=60):
    """Rows ``user, second, ad, placement, click``, some of them in one second."""
    rng = np.random.default_rng(seed)
    n = 900
    second = MIDNIGHT + rng.integers(0, 8 * DAY // 600, n) * 600
    return [
        (int(user), int(at), int(ad), f"p{place}", int(click))
        for user, at, ad, place, click in zip(
            rng.integers(1, n_users + 1, n),
            second,
            rng.integers(1, 5, n),
            rng.integers(0, 2, n),
            rng.random(n) < 0.3,
            strict=True,
        )
    ]


def described(engine, folder, rows, **options):
    return described_parts(engine, split_rows(engine, rows, folder).parts, rows, **options)


def described_parts(engine, parts, rows, *, ads=ADS, min_users=1, hold_out=None, n_users=60):
    users = pl.Series(range(1, n_users + 1))
    clicks = Counter(row[0] for row in rows if row[4])
    return describe_log(
        engine,
        parts,
        None if ads is None else ads_of(ads),
        placements=sorted({row[3] for row in rows} - {None}),
        members=Members(users, np.where(users.to_numpy() % 3 == 0, 0, users.to_numpy() % 3), 2),
        n_clicks=np.array([clicks[user] for user in users]),
        window=WINDOW,
        hold_out=hold_out,
        seed=0,
        min_users=min_users,
    )


def oracle(rows, kind):
    """Count users, impressions and clicks by segment and key, row by row."""
    found = {}
    for user, at, ad, placement, click in rows:
        hour = (at + 8 * 3600) % DAY // 3600
        category, campaign, brand, price = ADS.get(ad, (None,) * 4)
        band = None if price is None else "0-50" if price < 50 else "200-1000"
        key = {
            "hour": hour,
            "placement": placement,
            "category": category,
            "brand": brand,
            "campaign": campaign,
            "price band": band,
        }[kind]
        if user % 3 and key is not None:
            cell = found.setdefault((user % 3, str(key)), [set(), 0, 0])
            cell[0].add(user)
            cell[1] += 1
            cell[2] += click
    return {key: (len(users), n, c) for key, (users, n, c) in found.items()}


def cells_of(table, kind):
    own = table.filter(pl.col("kind") == kind)
    return {
        (row["segment_id"], row["key"]): (row["n_users"], row["n_impressions"], row["n_clicks"])
        for row in own.iter_rows(named=True)
    }


def test_cells_hold_what_a_slow_loop_counts(engine, tmp_path):
    rows = drawn_log()

    found = described(engine, tmp_path, rows)

    kinds = ("hour", "placement", "category", "brand", "campaign", "price band")
    assert found.report.dimensions == kinds
    for kind in kinds:
        assert cells_of(found.cells, kind) == oracle(rows, kind), kind


def test_the_order_of_rows_changes_no_bit(engine, tmp_path):
    rows, found = drawn_log(), []
    for name, turned in {"one": rows, "other": rows[::-1]}.items():
        folder = tmp_path / name
        folder.mkdir()
        early = HoldOut(np.arange(60) % 2 + 1, 2, WINDOW.end - 2 * DAY)
        found.append(described(engine, folder, turned, hold_out=early))

    for other in found[1:]:
        assert other.cells.equals(found[0].cells)
        assert other.report == found[0].report


def test_a_cell_of_few_users_is_hidden_with_the_one_that_would_give_it_away(engine, tmp_path):
    rows = drawn_log()
    everything = oracle(rows, "hour")
    least = 8
    keys = [[(segment, str(hour)) for hour in range(24)] for segment in (1, 2)]
    users = np.array([[everything.get(key, (0,))[0] for key in row] for row in keys])
    assert ((users > 0) & (users < least)).any()

    shown = cells_of(described(engine, tmp_path, rows, min_users=least).cells, "hour")

    assert shown
    is_shown = np.array([[key in shown for key in row] for row in keys])
    assert users[is_shown].min() >= least
    # Neither is the only one hidden of its hour, nor are all those hidden of a segment small.
    assert ((~is_shown & (users > 0)).sum(axis=0) != 1).all()
    assert all(users[row][~is_shown[row]].max() >= least for row in (0, 1))


def test_what_follows_a_band_of_few_users_is_hidden_with_what_would_give_it_away(engine, tmp_path):
    rows, counts = drawn_log(), {}
    least = 12
    for user, *_ in rows:
        counts[user] = counts.get(user, 0) + 1

    curves = [
        each
        for each in described(engine, tmp_path, rows, min_users=least).report.curves
        if each.kind == "impression"
    ]

    of_segments = curves[1:]
    assert [each.segment_id for each in curves] == [0, 1, 2]
    parts = [sum(point.n_impressions for point in each.points) for each in curves]
    total = [sum(n for user, n in counts.items() if user % 3 in ids) for ids in ({1, 2}, {1}, {2})]
    for curve, shown, whole in zip(curves, parts, total, strict=True):
        assert all(point.n_users >= least for point in curve.points)
        assert all(cap.n_users >= least for cap in curve.caps)
        assert shown < whole
    # Both segments end at the same band, or the longer one would tell the rest of the other.
    assert len({len(each.points) for each in of_segments}) == 1


def test_impressions_of_one_second_share_a_position(engine, tmp_path):
    rows = [
        (1, MIDNIGHT, 1, "p", 1),
        (1, MIDNIGHT + 5, 1, "p", 0),
        (1, MIDNIGHT + 5, 2, "p", 1),
        (1, MIDNIGHT + 9, 1, "p", 0),
        (2, MIDNIGHT, 1, "p", 0),
    ]

    found = described(engine, tmp_path, rows, n_users=2)

    shown, repeated = (
        next(each for each in found.report.curves if each.kind == kind and each.segment_id == 0)
        for kind in ("impression", "repeat")
    )
    # Positions 1, 2, 2 and 4 of the first user, 1 of the second.
    assert [(p.first, p.last, p.n_users, p.n_impressions, p.n_clicks) for p in shown.points] == [
        (1, 1, 2, 2, 1),
        (2, 2, 1, 2, 1),
        (3, 4, 1, 1, 0),
    ]
    assert [(cap.cap, cap.n_impressions, cap.n_clicks) for cap in shown.caps] == [
        (1, 3, 1),
        (2, 1, 0),
    ]
    first = shown.caps[0]
    assert (first.n_users, first.impressions_share, first.clicks_share) == (1, 3 / 5, 1 / 2)
    # Of the users 4 and 1 impressions, 3 and 0 of them beyond: residuals 0.6 and -0.6.
    half = 1.6448536269514722 * (2 * 0.6**2 / 5**2 * 2) ** 0.5
    assert first.saved == Estimate(0.6, pytest.approx(0.6 - half), pytest.approx(0.6 + half))
    assert shown.reason
    # Ad 1 is shown to the first user a second and a third time.
    assert [(p.first, p.n_impressions) for p in repeated.points] == [(1, 3), (2, 1), (3, 1)]


def test_naive_rates_are_those_of_all_who_got_that_far(engine, tmp_path):
    rows = drawn_log()
    position = Counter()
    expected = {}
    by_moment = sorted({(user, at) for user, at, *_ in rows if user % 3})
    for user, at in by_moment:
        own = [row for row in rows if row[:2] == (user, at)]
        n = position[user] + 1
        position[user] += len(own)
        if n <= 2:
            cell = expected.setdefault(n, [0, 0])
            cell[0] += len(own)
            cell[1] += sum(row[4] for row in own)

    curve = described(engine, tmp_path, rows).report.curves[0]

    for point in curve.points[:2]:
        n, clicks = expected[point.first]
        assert (point.n_impressions, point.n_clicks) == (n, clicks)
        assert point.naive_ctr.value == pytest.approx(clicks / n)


def test_without_a_table_of_ads_only_hours_and_placements_are_left(engine, tmp_path):
    found = described(engine, tmp_path, drawn_log(), ads={})

    assert found.report.dimensions == ("hour", "placement")
    assert found.report.held_out is None
    assert {curve.kind for curve in found.report.curves} == {"impression", "repeat"}


def test_a_log_that_names_no_ads_has_no_repeat_curve(engine, tmp_path):
    found = described(engine, tmp_path, drawn_log(), ads=None)

    assert {curve.kind for curve in found.report.curves} == {"impression"}


def test_without_prices_there_are_no_price_bands(engine, tmp_path):
    ads = {ad: (*rest, None) for ad, (*rest, _) in ADS.items()}

    assert "price band" not in described(engine, tmp_path, drawn_log(), ads=ads).report.dimensions


def test_without_any_click_there_are_no_rates_and_no_curves(engine, tmp_path):
    rows = [(*row[:4], 0) for row in drawn_log()]

    found = described(engine, tmp_path, rows)

    assert found.cells["ctr"].null_count() == found.cells.height
    assert found.cells["exposure_index"].null_count() == 0
    assert all(curve.reason and curve.points for curve in found.report.curves)
    assert all(reaction.reason and not reaction.is_found for reaction in found.report.reactions)


def test_a_segment_without_clicks_has_rates_near_nothing(engine, tmp_path):
    rows = [(*row[:4], row[4] if row[0] % 3 == 1 else 0) for row in drawn_log()]

    found = described(engine, tmp_path, rows)

    silent = found.cells.filter(pl.col("segment_id") == 2)
    assert silent["n_clicks"].sum() == 0
    assert silent["ctr"].max() == 0
    assert silent["ctr_index"].null_count() == 0


def test_ids_may_be_texts(engine, tmp_path):
    rows = [(f"u{row[0]:03d}", *row[1:]) for row in drawn_log()]
    parts = split_rows(engine, rows, tmp_path).parts
    names = pl.Series([f"u{user:03d}" for user in range(1, 61)])
    found = describe_log(
        engine,
        parts,
        ads_of(ADS),
        placements=("search", "feed"),
        members=Members(names, np.array([user % 3 for user in range(1, 61)]), 2),
        n_clicks=np.ones(60, dtype=np.int64),
        window=WINDOW,
        hold_out=None,
        seed=0,
        min_users=1,
    )

    assert cells_of(found.cells, "brand") == oracle(drawn_log(), "brand")


def test_events_that_counting_kept_are_described_without_reading_the_log_again(engine, tmp_path):
    rows, ads = drawn_log(), ads_of(ADS)
    for name in ("read", "kept"):
        (tmp_path / name).mkdir()
    read = described(engine, tmp_path / "read", rows)
    parts = split_rows(engine, rows, tmp_path / "kept").parts
    named = sorted({row[3] for row in rows} - {None})
    count_users(engine, parts, ads, window=WINDOW, main_placement=named[0], kept=named)
    for part in parts:
        for file in part.glob("*.parquet"):
            file.unlink()

    kept = described_parts(engine, parts, rows)

    assert kept.report == read.report
    assert kept.cells.equals(read.cells)


@pytest.mark.parametrize("n_rows", [1, 7, 100])
def test_nothing_depends_on_how_many_rows_are_taken_at_once(engine, tmp_path, monkeypatch, n_rows):
    rows = drawn_log()
    for name in ("whole", "pieces"):
        (tmp_path / name).mkdir()
    hold_out = HoldOut(np.arange(60) % 3, 2, WINDOW.start + 4 * DAY)
    whole = described(engine, tmp_path / "whole", rows, hold_out=hold_out)
    monkeypatch.setattr(_describe, "_ROWS_OF_A_PIECE", n_rows)

    found = described(engine, tmp_path / "pieces", rows, hold_out=hold_out)

    assert found.cells.equals(whole.cells)
    assert found.report.curves == whole.report.curves
    assert found.report.reactions == whole.report.reactions
    assert found.report.held_out == whole.report.held_out


def test_a_part_without_any_member_is_nothing(engine, tmp_path):
    rows = drawn_log()
    strangers = [(row[0] + 1000, *row[1:]) for row in rows if row[0] == 1]

    found = described(engine, tmp_path, strangers)

    assert found.cells.height == 0
    assert all(curve.n_users == 0 for curve in found.report.curves)
