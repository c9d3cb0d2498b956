"""A figure is added by one file."""

import sys

import pytest

from segmentry.present import figures as plots
from segmentry.present.drawing import draw_svg
from segmentry.present.figures._rendering import found
from segmentry.present.report import figures_in

TOY = """
from segmentry.formats import count
from segmentry.present.figures._figure import Caption, Drawing, Figure
from segmentry.present.figures._marks import layered, on
from segmentry.present.tables import Column, Table, segment_row


def _caption(summary):
    return Caption("A toy", "One dot.", "One dot.")


def _draw(summary):
    return Drawing(layered([on([{"x": 1}]).mark_point().encode(x="x:Q")], width=9, height=9))


def _tables(summary):
    rows = tuple(segment_row(s.segment_id, s.name, s.n_users) for s in summary.segments)
    columns = (Column("segment", "segment"), Column("n_users", "users", count))
    return (Table("toy", "Toy", columns, rows),)


FIGURE = Figure(
    name="toy", title="Toy", width=400, caption=_caption, draw=_draw, section="sizes", order=0,
    needs=lambda summary: len(summary.segments) > 1, tables=_tables,
)
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    (tmp_path / "toy.py").write_text(TOY)
    monkeypatch.setattr(plots, "__path__", [*plots.__path__, str(tmp_path)])
    yield {figure.name: figure for figure in found()}
    sys.modules.pop("segmentry.present.figures.toy")


def test_a_new_figure_is_drawn_and_set_in_the_report_with_its_table(toy, make_summary, monkeypatch):
    summary = make_summary(n_segments=3, n_points=5)
    monkeypatch.setattr("segmentry.present.report._figures.FIGURES", toy)

    views = figures_in("sizes", summary, {})

    assert [view.name for view in views] == ["toy", "sizes", "ctr_by_segment"]
    assert [table.name for table in views[0].tables] == ["toy"]
    assert views[0].tables[0].to_frame().height == 3
    assert "A toy" in draw_svg(toy["toy"].plot(summary).to_dict())


def test_a_figure_is_there_only_for_runs_that_have_what_it_shows(toy, make_summary, monkeypatch):
    monkeypatch.setattr("segmentry.present.report._figures.FIGURES", toy)

    views = figures_in("sizes", make_summary(n_segments=1, n_points=5), {})

    assert "toy" not in [view.name for view in views]


def test_names_and_places_of_figures_are_their_own():
    orders = [figure.order for figure in plots.FIGURES.values()]

    assert orders == sorted(set(orders))
    assert not set(plots.FIGURES) & set(plots.ANSWERS)
