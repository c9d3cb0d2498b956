"""One table, for a page, a terminal and a file."""

import io

import polars as pl
import pytest
import rich.console
from tests.texts import shows

from segmentry.formats import count, percent, rate
from segmentry.present.report import render_table
from segmentry.present.tables import Badge, Column, Row, Shown, Table, segment_row
from segmentry.present.theme import segment_colour
from segmentry.schema import UNKNOWN, Estimate


@pytest.fixture
def table():
    return Table(
        name="rates",
        caption="Click rates <of> segments",
        columns=(
            Column("segment", "segment"),
            Column("verdict", "verdict", is_words=True),
            Column("n_users", "users", count),
            Column("ctr", "click rate", rate, limits="95 % interval"),
            Column("later", "later", rate),
            Column("share", "share (index)", percent),
        ),
        rows=(
            Row(
                (
                    "1 Clicks & more",
                    "confirmed",
                    1200,
                    Estimate(0.05, 0.04, 0.06),
                    Estimate(0.04, 0.03, 0.05),
                    Shown(0.25, "25 % (120)"),
                ),
                segment=1,
                badge=Badge("confirmed", "confirmed"),
            ),
            Row(
                ("all users", None, None, UNKNOWN, Estimate(0.02, None, None), 1.0), is_strong=True
            ),
        ),
    )


def test_people_read_texts(table):
    first, everyone = table.lines
    assert table.heads == (
        "segment", "verdict", "users", "click rate", "95 % interval", "later", "share (index)",
    )  # fmt: skip
    assert table.text_columns == (1,)
    assert first.head == "1 Clicks & more"
    assert first.segment == 1
    assert [text.replace("\u00a0", " ") for text in first.cells] == [
        "confirmed", "1,200", "5.00 %", "4.00 % to 6.00 %", "4.00 %\n3.00 % to 5.00 %",
        "25 % (120)",
    ]  # fmt: skip
    assert everyone.segment is None
    assert [text.replace("\u00a0", " ") for text in everyone.cells] == [
        "–", "–", "–", "–", "2.00 %", "100.0 %",
    ]  # fmt: skip


def test_a_file_holds_values(table):
    frame = table.to_frame()
    assert frame.row(0, named=True) == {
        "segment_id": 1,
        "segment": "1 Clicks & more",
        "verdict": "confirmed",
        "n_users": 1200,
        "ctr": 0.05,
        "ctr_low": 0.04,
        "ctr_high": 0.06,
        "later": 0.04,
        "later_low": 0.03,
        "later_high": 0.05,
        "share": 0.25,
    }
    assert frame.row(1) == (None, "all users", *[None] * 5, 0.02, None, None, 1.0)
    assert frame.schema["n_users"] == pl.Int64
    assert frame.schema["ctr"] == pl.Float64


def test_a_column_of_numbers_and_words_becomes_texts():
    rows = (Row((5000,)), Row(("few",)), Row((None,)))
    table = Table("t", "T", (Column("known", "known", count),), rows)
    assert table.to_frame()["known"].to_list() == ["5,000", "few", "–"]


def test_a_table_without_rows_has_its_columns():
    frame = Table("t", "T", (Column("a", "a"), Column("b", "b", count)), ()).to_frame()
    assert frame.schema == {"a": pl.String, "b": pl.Float64}


def test_a_page_escapes_and_shows_colour_badge_and_emphasis(table):
    html = render_table(table)
    shows(html)
    assert "1 Clicks &amp; more" in html
    assert f'fill="{segment_colour(1)}"' in html
    assert 'class="badge confirmed"' in html
    assert '<tr class="strong">' in html
    assert '<span class="limits">3.00' in html


def test_a_terminal_shows_every_cell_and_reads_no_markup():
    table = Table(
        name="sizes",
        caption="Sizes",
        columns=(Column("segment", "segment"), Column("n_users", "users", count)),
        rows=(segment_row(1, "[bold]loud", 1200),),
    )
    out = io.StringIO()
    rich.console.Console(file=out, width=80).print(table.to_rich())
    assert out.getvalue().split() == ["segment", "users", "1", "[bold]loud", "1,200"]


def test_heads_in_a_terminal_leave_the_room_to_names():
    columns = (
        Column("segment", "segment"),
        Column("share", "smallest change in 60 days", percent),
    )
    table = Table("tests", "Tests", columns, (segment_row(4, "High-response viewers", 0.101),))
    out = io.StringIO()
    rich.console.Console(file=out, width=42).print(table.to_rich())
    *_, last = out.getvalue().splitlines()
    assert last.split() == ["4", "High-response", "viewers", "10.1", "%"]
