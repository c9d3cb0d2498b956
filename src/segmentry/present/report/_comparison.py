"""Algorithms side by side, where they were compared."""

from functools import partial

from segmentry.evaluation.algorithms import AlgorithmComparison, MethodResult
from segmentry.formats import MISSING, count, decimal, percent, thousandfold
from segmentry.present.tables import Column, Row, Shown, Table

_MAX_SIZES = 6


def measure_table(comparison: AlgorithmComparison) -> Table:
    """Return what each algorithm found."""
    gains = partial(thousandfold, digits=2)
    return Table(
        name="algorithms",
        caption="What each algorithm found; gains in nats per 1,000 impressions or user days",
        columns=(
            Column("algorithm", "algorithm"),
            Column("n_segments", "K", count),
            Column("sizes", "users of the segments", is_words=True),
            Column("n_unassigned", "unassigned"),
            Column("silhouette", "silhouette", decimal),
            Column("inner_gain", "inner gain", gains),
            Column("outcome_gain", "outcome gain", gains),
            Column("stability", "stability", decimal),
            Column("agreement", "agreement", decimal),
            Column("seconds", "seconds", partial(decimal, digits=1)),
            Column("peak_memory_mb", "memory, MB", count),
        ),
        rows=tuple(
            Row(
                (
                    each.label,
                    each.n_segments,
                    _sizes(each),
                    _unassigned(each),
                    each.silhouette.value,
                    each.inner_gain,
                    each.outcome_gain,
                    each.stability,
                    each.agreement,
                    each.seconds,
                    each.peak_memory_mb,
                ),
                is_strong=each.is_chosen,
            )
            for each in comparison.results
        ),
    )


def _sizes(each: MethodResult) -> str:
    sizes = ", ".join(count(size) for size in each.sizes[:_MAX_SIZES])
    n_more = len(each.sizes) - _MAX_SIZES
    return f"{sizes} and {n_more} more" if n_more > 0 else sizes or MISSING


def _unassigned(each: MethodResult) -> Shown:
    total = sum(each.sizes) + each.n_unassigned
    share = percent(each.n_unassigned / total if total else None)
    return Shown(each.n_unassigned, f"{count(each.n_unassigned)}\n{share}")


def method_table(comparison: AlgorithmComparison) -> Table:
    """Return how each algorithm came to its segments."""
    return Table(
        name="algorithm-settings",
        caption="How each came to it",
        columns=(
            Column("algorithm", "algorithm"),
            Column("number_rule", "number of segments", is_words=True),
            Column("how", "users looked at", is_words=True),
            Column("new_users", "new users", is_words=True),
            Column("remark", "remark", is_words=True),
        ),
        rows=tuple(
            Row(
                (
                    each.label,
                    each.number_rule or MISSING,
                    each.how or MISSING,
                    each.new_users,
                    each.problem or ("chosen" if each.is_chosen else MISSING),
                ),
                is_strong=each.is_chosen,
            )
            for each in comparison.results
        ),
    )
