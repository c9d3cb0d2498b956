"""A log whose rows hold counts of impressions and clicks is the log of these impressions."""

import random

import polars as pl
import pytest
from tests.ingest.mapping.shapes import DAY, HOUR, T, mapping_of, source_from, users_from, write_csv
from tests.reads import split, used_rows
from tests.texts import raises_text

from segmentry.errors import ConfigError, DataError

HEADER = ("who", "when", "ad", "shown", "hit")
OF_EXPANDED = ("who", "when", "ad", "hit")
COUNTED = mapping_of('time = "when"\nad_id = "ad"\nn_impressions = "shown"\nn_clicks = "hit"')
EXPANDED = mapping_of('time = "when"\nad_id = "ad"\nclick = "hit"')


def drawn(n_users):
    draw = random.Random(8)  # noqa: S311  # not for secrets
    for user in range(n_users):
        for day in range(6):
            shown = draw.randint(1, 5) * (1 + user % 2)
            hits = sum(draw.random() < 0.1 * (1 + 3 * (user % 3)) for _ in range(shown))
            yield (
                f"u{user}",
                T + day * DAY + draw.randint(0, 20) * HOUR,
                draw.randint(1, 9),
                (shown),
                hits,
            )


def expanded(rows):
    return [(*row, int(place < hits)) for *row, shown, hits in rows for place in range(shown)]


def test_counts_are_read_as_the_rows_of_the_expanded_log(engine, tmp_path):
    rows, found = list(drawn(60)), []
    for name, text in (("counted", COUNTED), ("expanded", EXPANDED)):
        given, header = (rows, HEADER) if name == "counted" else (expanded(rows), OF_EXPANDED)
        write_csv(tmp_path / name / "log.csv", given, header=header)
        source = source_from(tmp_path / name, text)
        log = split(engine, source.impressions, tmp_path / f"parts of {name}")
        found.append((log.account, used_rows(engine, log), source.provides))

    assert found[0] == found[1]


def test_rows_and_impressions_are_both_counted(tmp_path):
    rows = [("a", T, 1, 3, 1), ("a", T + 9, 2, 1, 0), ("b", T, 1, "1,000", 7), ("b", T, 2, 0, 0)]
    write_csv(
        tmp_path / "log.csv", [(*row[:3], f'"{row[3]}"', row[4]) for row in rows], header=HEADER
    )

    users = users_from(tmp_path, COUNTED)

    table = users.table.select(pl.col("user_id"), "n_impressions", "n_clicks")
    assert table.rows() == [("a", 4, 1), ("b", 1000, 7)]
    (account,) = users.accounts
    assert (account.n_read, account.n_used) == (1005, 1004)
    assert account.excluded == {"rows with 0 impressions": 1}
    (counted,) = (each for each in users.findings if each.code == "rows-of-counts")
    assert (counted.count, counted.of) == (4, 1004)


@pytest.mark.parametrize(
    ("shown", "hits", "reason", "n_rows"),
    [
        ("x", 0, "unreadable n_impressions", 1),
        ("", 0, "n_impressions missing or unreadable", 1),
        ("2.5", 0, "impossible n_impressions", 1),
        ("-1", 0, "impossible n_impressions", 1),
        ("1000001", 0, "impossible n_impressions", 1),
        ("2", "x", "unreadable n_clicks", 2),
        ("2", "", "n_clicks missing or unreadable", 2),
        ("2", "0.5", "impossible n_clicks", 2),
        ("2", "3", "n_clicks above n_impressions", 2),
        ("0", "1", "n_clicks above n_impressions", 1),
    ],
)
def test_row_of_unsound_counts_is_rejected_with_the_reason(shown, hits, reason, n_rows, tmp_path):
    rows = [("a", T, 1, 4, 1), ("a", T, 2, 4, 0), ("a", T, 3, 4, 0), ("b", T, 1, shown, hits)]
    write_csv(tmp_path / "log.csv", rows, header=HEADER)

    (account,) = users_from(tmp_path, COUNTED).accounts

    assert account.rejected == {reason: n_rows}
    assert account.n_used == 12


def test_unreadable_counts_are_shown_with_an_example_and_refused_by_strict(tmp_path):
    rows = [("a", T, 1, 4, 1), ("b", T, 1, 4, "few")]
    write_csv(tmp_path / "log.csv", rows, header=HEADER)

    findings = users_from(tmp_path, COUNTED).findings

    assert "'few'" in next(each.text for each in findings if each.code == "unreadable-n_clicks")
    with raises_text(DataError):
        users_from(tmp_path, COUNTED, strict=True)


@pytest.mark.parametrize(
    "keys",
    [
        'n_clicks = "hit"',
        'n_impressions = "shown"\nclick = "hit"',
        'n_impressions = "shown"\nvalue = "hit"',
    ],
)
def test_counts_that_contradict_other_roles_are_refused(keys, tmp_path):
    with raises_text(ConfigError):
        users_from(tmp_path, mapping_of(keys))
