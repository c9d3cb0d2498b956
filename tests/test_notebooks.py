"""What notebooks show, and the notebooks of examples/ from the first cell to the last."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
from tests.summaries import make_summary

from segmentry.evaluation.later_days import OutcomeReport, ValidationReport
from segmentry.schema import Outcome

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.ipynb"))


def test_a_summary_shows_its_segments_and_never_reads_their_names_as_html():
    summary = make_summary(n_segments=2, names=("<script>x</script>", "B & C"), n_points=5)

    shown = summary._repr_html_()

    assert "&lt;script&gt;x&lt;/script&gt;" in shown
    assert "B &amp; C" in shown
    assert "<script" not in shown
    assert shown.count("<tr>") == 3
    assert "2.45\u00a0% (" in shown  # the forecast of the first


def test_a_summary_of_purchases_shows_rates_in_their_own_unit():
    summary = make_summary()
    checked = {
        each.name: getattr(summary.validation, each.name) for each in fields(ValidationReport)
    }
    visits = Outcome.of_events("events", "visit", "visits", value_unit="", n_days=90)
    of_visits = replace(summary, validation=OutcomeReport(**checked, outcome=visits))

    shown = of_visits._repr_html_()

    first = summary.segments[0].expected_rate.value
    assert visits.unit in shown
    assert f">{first * 30:.3f} (" in shown
    assert visits.unit not in summary._repr_html_()


def test_a_selection_shows_every_candidate_and_the_chosen_one_in_bold():
    selection = make_summary(n_segments=5, n_points=5).selection

    shown = selection._repr_html_()

    assert shown.count("<tr>") == len(selection.candidates) + 1
    assert 'bold">5</td>' in shown
    assert 'bold">4</td>' not in shown


def test_a_selection_is_shown_where_the_smallest_segment_has_too_few_users_to_be_told_of():
    selection = make_summary(n_segments=5, n_points=5).selection
    few = replace(selection.candidates[-1], smallest_share=None)

    shown = replace(selection, candidates=(*selection.candidates[:-1], few))._repr_html_()

    assert shown.count(">–</td>") == selection._repr_html_().count(">–</td>") + 1


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_notebook_runs_from_the_first_cell_to_the_last(path, undrawn):
    """Run the cells in one namespace as a kernel does; an expression's value must show itself.

    What they show they draw themselves: no figure of the run folder is looked at.
    """
    nbformat = pytest.importorskip("nbformat")
    ast = pytest.importorskip("ast")
    pytest.importorskip("IPython")
    names = {}
    shown = 0
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        tree = ast.parse(cell.source)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, path.name, "exec"), names)  # noqa: S102  # our own cells
        if last is not None:
            value = eval(compile(ast.Expression(last.value), path.name, "eval"), names)  # noqa: S307
            html = getattr(value, "_repr_html_", None) or value._repr_svg_
            assert html()
            shown += 1
    assert shown >= 5
