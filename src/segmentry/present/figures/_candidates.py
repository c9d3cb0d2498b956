"""What the figures with one mark per candidate have in common."""

from segmentry.formats import decimal
from segmentry.present.figures._altair import alt
from segmentry.present.figures._marks import PLAIN_ZERO, on
from segmentry.present.tables import Cell, Column, Row, Table
from segmentry.present.theme import ROLES
from segmentry.results.summary import Summary
from segmentry.segments.forming import Candidate

WIDTH = 400
HEIGHT = 250


def thousandths(value: float | None) -> str:
    """Write a score between -1 and 1."""
    return decimal(value, digits=3)


def score_table(summary: "Summary", column: Column) -> Table:
    """Return one score of every candidate; the column is named as the candidate's field."""

    def row(each: "Candidate") -> Row:
        score: Cell = getattr(each, column.name)
        head = f"{each.n_segments} ({each.algorithm})"
        return Row((head, score), is_strong=each.is_selected)

    return Table(
        name=f"{column.name}_by_k",
        caption=f"{column.head.capitalize()} by number of segments",
        columns=(Column("candidate", "K"), column),
        rows=tuple(map(row, summary.selection.candidates)),
    )


def candidate(
    row: "Candidate", summary: "Summary", *, is_marked: bool, word: str
) -> dict[str, object]:
    """Return a candidate as a row; besides the chosen one only the marked one bears a word."""
    chosen = "forced" if summary.selection.is_forced else "chosen"
    other = word if is_marked and not row.is_selected else ""
    return {
        "k": row.n_segments,
        "algorithm": row.algorithm,
        "mark": chosen if row.is_selected else other,
        "role": "chosen" if row.is_selected else "marked" if is_marked else "other",
    }


def lines_and_dots(
    rows: list[dict[str, object]], *, title: str, domain: tuple[float, float], number: str
) -> "list[alt.Chart]":
    """Return a line per algorithm, a dot per candidate, and the words next to marked ones."""
    keys = sorted({int(str(row["k"])) for row in rows})
    ticks = keys if len(keys) <= 12 else [k for k in keys if k % 5 == 0]
    x = alt.X(
        "k:Q",
        axis=alt.Axis(values=ticks, format="d", grid=False, title="number of segments, K"),
        scale=alt.Scale(domain=[keys[0] - 0.4, keys[-1] + 0.6], nice=False),
    )
    y = alt.Y(
        "y:Q",
        axis=alt.Axis(
            format=number,
            labelExpr=PLAIN_ZERO if number == "~s" else alt.Undefined,
            tickCount=5,
            title=title,
            titleAngle=0,
            titleAlign="left",
            titleX=0,
            titleY=-8,
            titleAnchor="start",
        ),
        scale=alt.Scale(domain=list(domain), nice=False, zero=False),
    )
    base = on(rows).encode(x=x, y=y)
    ink, accent, paper = (ROLES[name].light for name in ("muted", "accent", "paper"))
    lines = base.mark_line(color=ROLES["rule"].light, strokeWidth=1.5).encode(
        detail=alt.Detail("algorithm:N")
    )
    dots = base.mark_point(size=46, filled=True, opacity=1, color=ink).transform_filter(
        "datum.role === 'other'"
    )
    marked = base.mark_point(
        size=90, filled=True, opacity=1, fill=paper, stroke=ink, strokeWidth=2
    ).transform_filter("datum.role === 'marked'")
    chosen = base.mark_point(size=130, filled=True, opacity=1, color=accent).transform_filter(
        "datum.role === 'chosen'"
    )
    words = base.mark_text(
        dx=7, dy=-11, align="left", fontWeight=600, color=accent
    ).transform_filter("datum.role === 'chosen'")
    others = base.mark_text(dy=26, color=ROLES["ink"].light).transform_filter(
        "datum.role !== 'chosen'"
    )
    texts = [mark.encode(text=alt.Text("mark:N")) for mark in (words, others)]
    return [lines, dots, marked, chosen, *texts]
