"""The cell of a user by fixed cuts, as `CellModel` places it."""

from collections.abc import Sequence

from sqlglot import exp

from segmentry.activate.sql._trees import (
    Step,
    all_of,
    case,
    column,
    is_null,
    more,
    named,
    not_null,
    number,
    select,
    switch,
    times,
    total,
    whole,
    with_comment,
)
from segmentry.segments.forming import (
    BANDS,
    LONG_AWAY,
    RECENT,
    REGULAR,
    CellColumn,
    CellModel,
)


def raw_name(place: int) -> str:
    """Return what the raw value of a column of the cells is called between the steps."""
    return f"raw{place}"


def cell_steps(model: CellModel, *, kept: Sequence[str]) -> list[Step]:
    """Return the steps that add ``cell``, the id of a user's segment, to the `kept` columns."""
    scores = [
        named(_score(each, column(raw_name(place))), f"score{place}")
        for place, each in enumerate(model.columns)
    ]
    scored = select(*map(column, kept), *scores, of="known")
    celled = select(*map(column, kept), named(_cell(model), "cell"), of="scored")
    return [
        ("scored", with_comment(scored, "Each feature is scored 1 to 5.")),
        ("celled", with_comment(celled, "What is unknown counts as long ago, and as nothing.")),
    ]


def placed_by_cell(n_segments: int) -> Step:
    """Return the step from distances to the segment, and how far its centre is."""
    own = {each: column(f"d{each}") for each in range(1, n_segments + 1)}
    segment = case([(exp.Not(this=column("is_member")), whole(0))], column("cell"))
    values = [named(switch(column("cell"), own), "nearest"), named(segment, "segment_id")]
    return "placed", select(exp.Star(), *values, of="distances")


def _score(each: CellColumn, value: exp.Expr) -> exp.Expr:
    whens: list[tuple[exp.Expr, exp.Expr]] = [(is_null(value), exp.null())]
    for cut, score in zip(each.cuts, each.scores, strict=False):
        is_below = exp.LTE(this=value.copy(), expression=number(cut))
        whens.append((is_below, whole(score)))
    return case(whens, whole(each.scores[-1]))


def _cell(model: CellModel) -> exp.Expr:
    """Return the id of the segment of a user; sums stand for means, so that none is rounded."""
    scores = [column(f"score{place}") for place in range(len(model.columns))]
    both = list(zip(scores, model.columns, strict=True))
    recency = [exp.Coalesce(this=s, expressions=[whole(1)]) for s, of in both if of.is_recency]
    others = [s for s, of in both if not of.is_recency]
    known = total([case([(not_null(each.copy()), whole(1))], whole(0)) for each in others])
    found = total([exp.Coalesce(this=each, expressions=[whole(0)]) for each in others])
    is_regular = all_of(
        [
            more(known, whole(0)),
            exp.GTE(this=found, expression=times(number(REGULAR), known.copy())),
        ]
    )
    age = total(recency)
    bands = [
        exp.GTE(this=age, expression=whole(RECENT * len(recency))),
        more(age.copy(), whole(LONG_AWAY * len(recency))),
    ]

    def of_level(level: int) -> exp.Expr:
        ids = [whole(place + 1) for place in model.segments[level * len(BANDS) :][: len(BANDS)]]
        return case(zip((each.copy() for each in bands), ids, strict=False), ids[-1])

    return case([(is_regular, of_level(0))], of_level(1))
