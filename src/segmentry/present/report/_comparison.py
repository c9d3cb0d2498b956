"""Algorithms side by side, where they were compared."""

from segmentry.evaluation.algorithms import AlgorithmComparison, MethodResult
from segmentry.formats import MISSING, count, decimal, interval, percent
from segmentry.present.report._views import Compared, Row, Table
from segmentry.schema import Estimate

_PER = 1000
_SIZES = 6


def make_comparison(comparison: AlgorithmComparison | None) -> Compared | None:
    """Return the part; null where algorithms were not compared."""
    if comparison is None:
        return None
    return Compared(
        lead=(
            f"The same {count(comparison.n_users)} users by every algorithm, formed by "
            f"{', '.join(comparison.features)}. Those that are told a number of segments are told "
            f"{comparison.n_segments}, that of this run, whose algorithm was settled before."
        ),
        notes=comparison.notes,
        tables=(_measures(comparison), _means(comparison)),
    )


def _measures(comparison: AlgorithmComparison) -> Table:
    return Table(
        caption="What each algorithm found; gains in nats per 1,000 impressions",
        heads=(
            "algorithm",
            "K",
            "users of the segments",
            "unassigned",
            "silhouette",
            "inner gain",
            "outcome gain",
            "stability",
            "agreement",
            "seconds",
            "memory, MB",
        ),
        rows=tuple(_row(each) for each in comparison.results),
        text_columns=(2,),
    )


def _row(each: MethodResult) -> Row:
    sizes = ", ".join(count(size) for size in each.sizes[:_SIZES])
    more = f" and {len(each.sizes) - _SIZES} more" if len(each.sizes) > _SIZES else ""
    total = sum(each.sizes) + each.n_unassigned
    return Row(
        head=each.label,
        cells=(
            count(each.n_segments),
            f"{sizes}{more}" or MISSING,
            f"{count(each.n_unassigned)}\n{percent(each.n_unassigned / total if total else None)}",
            decimal(each.silhouette.value),
            _gain(each.inner_gain),
            _gain(each.outcome_gain),
            decimal(each.stability),
            decimal(each.agreement),
            decimal(each.seconds, digits=1),
            count(each.peak_memory_mb),
        ),
        is_strong=each.is_chosen,
    )


def _gain(estimate: Estimate) -> str:
    if estimate.value is None:
        return MISSING

    def write(value: float | None) -> str:
        return decimal(None if value is None else value * _PER)

    return f"{write(estimate.value)}\n{interval(estimate, write=write)}"


def _means(comparison: AlgorithmComparison) -> Table:
    return Table(
        caption="How each came to it",
        heads=("algorithm", "number of segments", "users looked at", "new users", "remark"),
        rows=tuple(
            Row(
                head=each.label,
                cells=(
                    each.number_rule or MISSING,
                    each.how or MISSING,
                    each.new_users,
                    each.problem or ("chosen" if each.is_chosen else MISSING),
                ),
                is_strong=each.is_chosen,
            )
            for each in comparison.results
        ),
        text_columns=(1, 2, 3, 4),
    )
