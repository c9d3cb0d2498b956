"""Click rates by segment and day: which segments move, and what is left out."""

from dataclasses import replace

import pytest
from tests.present.figures.test_specs import with_days

from segmentry.present.figures import FIGURES

FIGURE = FIGURES["rate_by_day"]


@pytest.mark.parametrize(
    ("sd", "finding"),
    [
        (0.2, "Segment 1 changes its click rate from day to day by more than chance"),
        (0.01, "No segment\u2019s click rate changes from day to day by more than chance"),
    ],
)
def test_the_finding_names_the_segments_that_move(make_summary, sd, finding):
    summary = make_summary(n_segments=3)
    summary = replace(summary, validation=with_days(summary.validation, sd=sd))

    assert FIGURE.caption(summary).finding == finding


def test_a_day_of_few_users_has_no_rate_in_the_table_and_no_mark(make_summary):
    summary = make_summary(n_segments=3)
    summary = replace(summary, validation=with_days(summary.validation, sd=0.2))

    (table,) = FIGURE.tables(summary)
    assert [row.cells[2] for row in table.rows if row.segment == 2] == [900, None, 902, 903]
    panels = FIGURE.plot(summary).to_dict()["hconcat"]
    marks = [row for layer in panels[0]["layer"] for row in layer["data"]["values"]]
    dots = {(row["segment_id"], row["day"]) for row in marks if "rate" in row}
    assert len(dots) == 7


def test_without_days_there_is_no_figure(make_summary):
    assert not FIGURE.needs(make_summary(n_segments=3))
    assert not FIGURE.needs(replace(make_summary(n_segments=3), validation=None))
