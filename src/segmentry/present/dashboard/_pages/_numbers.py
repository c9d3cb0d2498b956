"""Segments in numbers: every statistic of one segment, and how values spread, for the analyst."""

from functools import partial

from segmentry.describe.profiles import SegmentProfile
from segmentry.present import figures as plots
from segmentry.present.card import rules_of
from segmentry.present.dashboard._ask import choose, choose_segment
from segmentry.present.dashboard._drawing import drawn
from segmentry.present.dashboard._offer import offer
from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import (
    figure,
    heading,
    listed,
    notice,
    part,
    put,
    segment_label,
    table,
    together,
)
from segmentry.present.report import (
    exemplar_table,
    level_tables,
    numeric_table,
    render_figure,
    segment_cells,
)
from segmentry.present.tables import Table


def show_numbers(run: Run) -> None:
    """Draw how segments differ, then one of them in full."""
    with together():
        heading("Segments in numbers")
        figure(run, "profile_heatmap")
        heading("One segment", level=2)
    _details(run)


@part
def _details(run: Run) -> None:
    """Draw one segment in full."""
    segment = choose_segment(run, "Segment")
    with together():
        heading(segment_label(segment), _verdict(segment), level=2)
        _decisions(run, segment)
        table(run, numeric_table(segment, run.summary), *_own_tables(run, segment))
    _spread(run)
    table(run, *level_tables(run.summary))


def _own_tables(run: Run, segment: SegmentProfile) -> list[Table]:
    """Return what a segment is shown and clicks more than all, and real users of it."""
    if segment.is_withheld:
        return []
    found = (
        segment_cells(run.summary, segment.segment_id),
        exemplar_table(segment, run.summary),
    )
    return [view for view in found if view.rows]


def _decisions(run: Run, segment: SegmentProfile) -> None:
    """Say what stands out, and by which rules the users of a segment are found."""
    decisions = run.summary.decisions
    if decisions is None:
        return
    found = [each for each in decisions.insights if each.segment_id == segment.segment_id]
    if found:
        heading("What stands out", level=3)
        listed(f"{each.title} ({each.code}, {each.severity}). {each.text}" for each in found)
    own = rules_of(run.summary, segment)
    if own is not None and own.texts:
        heading("Rules that find its users without the model", level=3)
        listed(own.texts)


@part
def _spread(run: Run) -> None:
    names = plots.distribution_names(run.summary)
    if not names:
        notice("This run did not keep how values spread.")
        return
    labels = {row.name: row.label for row in run.summary.features}
    feature = choose("Feature", {name: labels.get(name, name) for name in names}, key="feature")
    caption = plots.FIGURES["distributions"].caption(run.summary, features=[feature])
    chart = partial(plots.FIGURES["distributions"].plot, run.summary, features=[feature])
    spread = drawn(run, "distributions", "How the values spread", caption, feature, chart=chart)
    view = plots.quartile_table(run.summary, [feature])
    with together():
        put(render_figure(spread, run.summary.colours))
        table(run, view)
    offer(f"spread-of-{feature}", tables=(view,), pictures={"distributions": chart})


def _verdict(segment: SegmentProfile) -> str:
    reason = segment.verdict_reason
    return f"{segment.verdict.capitalize()}{': ' + reason if reason else ''}."
