"""The figures of the page: each with its caption and the tables that hold its numbers."""

from collections.abc import Callable
from typing import TypeAlias

from segmentry.formats import count, decimal, percent
from segmentry.present import figures as plots
from segmentry.present.report._conversions import funnel_table
from segmentry.present.report._log import curve_table
from segmentry.present.report._segments import line_of
from segmentry.present.report._tables import (
    blade_table,
    difference_table,
    quartile_table,
    rate_table,
    score_table,
    size_table,
)
from segmentry.present.report._views import AnyTable, Figure, Pictures
from segmentry.present.tables import Column, Shown, Table
from segmentry.results.summary import Summary

_Tables: TypeAlias = Callable[[Summary], tuple[AnyTable | None, ...]]


def figure_of(name: str, summary: Summary, pictures: Pictures) -> Figure | None:
    """Return a figure of the page; null where a run has nothing to draw."""
    heading, has, tables = _FIGURES[name]
    if not has(summary):
        return None
    return Figure(
        name=name,
        heading=heading,
        caption=plots.CAPTIONS[name](summary),
        svg=pictures.get(name, ""),
        tables=tuple(each for each in tables(summary) if each is not None),
    )


def stability_table(summary: Summary) -> Table | None:
    """Return how often each segment comes back; null where nothing was repeated."""
    found = None if summary.evidence is None else summary.evidence.stability
    if found is None:
        return None
    return Table(
        name="stability",
        caption="How the segments come back",
        columns=(
            Column("segment", "segment"),
            Column("jaccard", "mean Jaccard", decimal),
            Column("n_lost", "repetitions that lost it"),
            Column("is_stable", "stable", is_words=True),
        ),
        rows=tuple(
            line_of(
                summary,
                each.segment_id,
                each.jaccard,
                Shown(
                    each.n_lost,
                    f"{count(each.n_lost)} ({percent(each.n_lost / found.n_runs, digits=0)})",
                ),
                "yes" if each.is_stable else "no",
            )
            for each in found.segments
        ),
    )


def _curves(summary: Summary, kind: str) -> tuple[AnyTable, ...]:
    curves = () if summary.log is None else summary.log.curves
    return tuple(
        curve_table(summary, each) for each in curves if each.kind == kind and not each.segment_id
    )


def _has_clicks(summary: Summary) -> bool:
    return summary.traits.has_clicks


def _has_blades(summary: Summary) -> bool:
    return summary.pictures is not None and bool(summary.pictures.blades)


def _always(_: Summary) -> bool:
    return True


_FIGURES: dict[str, tuple[str, Callable[[Summary], bool], _Tables]] = {
    "sizes": ("How large they are", _always, lambda s: (size_table(s),)),
    "ctr_by_segment": ("How they clicked", _has_clicks, lambda s: (rate_table(s),)),
    "ctr_later": (
        "Click rates: seen, expected, and on the later days",
        plots.was_checked,
        lambda _: (),
    ),
    "elbow": ("Elbow", _always, lambda s: (score_table(s, column="inertia"),)),
    "silhouette_by_k": ("Silhouette", _always, lambda s: (score_table(s, column="silhouette"),)),
    "silhouette_blades": (
        "How many users fit their segment",
        _has_blades,
        lambda s: (blade_table(s),),
    ),
    "gain_by_k": ("What each number gains", plots.has_gains, lambda _: ()),
    "stability": (
        "How the segments come back",
        plots.has_stability,
        lambda s: (stability_table(s),),
    ),
    "profile_heatmap": ("Differences at a glance", _always, lambda s: (difference_table(s),)),
    "distributions": (
        "How the values spread",
        lambda s: bool(plots.distribution_names(s)),
        lambda s: (quartile_table(s, plots.distribution_names(s)[:4]),),
    ),
    "exposure": ("Showings of the same ad", _always, lambda s: _curves(s, "repeat")),
    "exposure_impression": (
        "Impressions in this log",
        _always,
        lambda s: _curves(s, "impression"),
    ),
    "funnel": ("The funnel", plots.has_funnel, lambda s: (funnel_table(s),)),
}
NAMES = tuple(_FIGURES)
"""The figures of the page, but for maps."""
