"""Algorithms side by side, where they were compared."""

from collections.abc import Sequence
from functools import partial

from segmentry.evaluation.algorithms import AlgorithmComparison, MethodResult
from segmentry.formats import MISSING, count, decimal, percent, thousandfold
from segmentry.present.tables import Column, Row, Shown, Table, cells_of

_MAX_SIZES = 6
_ALGORITHM = Column("algorithm", "algorithm", of=lambda each: each.label)


def measure_table(comparison: AlgorithmComparison) -> Table:
    """Return what each algorithm found."""
    gains = partial(thousandfold, digits=2)
    columns = (
        _ALGORITHM,
        Column("n_segments", "K", count),
        Column("sizes", "users of the segments", is_words=True, of=_sizes),
        Column("n_unassigned", "unassigned", of=_unassigned),
        Column("silhouette", "silhouette", decimal, of=lambda each: each.silhouette.value),
        Column("inner_gain", "inner gain", gains),
        Column("outcome_gain", "outcome gain", gains),
        Column("stability", "stability", decimal),
        Column("agreement", "agreement", decimal),
        Column("seconds", "seconds", partial(decimal, digits=1)),
        Column("peak_memory_mb", "memory, MB", count),
    )
    caption = "What each algorithm found; gains in nats per 1,000 impressions or user days"
    return Table("algorithms", caption, columns, _rows(comparison, columns))


def _rows(comparison: AlgorithmComparison, columns: Sequence[Column]) -> tuple[Row, ...]:
    results = comparison.results
    return tuple(Row(cells_of(each, columns), is_strong=each.is_chosen) for each in results)


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
    columns = (
        _ALGORITHM,
        Column("number_rule", "number of segments", is_words=True, of=_number_rule),
        Column("how", "users looked at", is_words=True, of=lambda each: each.how or MISSING),
        Column("new_users", "new users", is_words=True),
        Column("remark", "remark", is_words=True, of=_remark),
    )
    return Table("algorithm-settings", "How each came to it", columns, _rows(comparison, columns))


def _number_rule(each: MethodResult) -> str:
    return each.number_rule or MISSING


def _remark(each: MethodResult) -> str:
    return each.problem or ("chosen" if each.is_chosen else MISSING)
