"""What notebooks show of a summary: headline, candidates and segments, as HTML without scripts.

Plain strings and no library: it is called by `Summary` itself, below plots and report.
"""

from collections.abc import Iterable, Sequence
from html import escape

from segmentry.describe.profiles import SegmentProfile
from segmentry.results.summary._candidates import CandidateRow
from segmentry.schema import Estimate

_STYLE = "text-align: left; padding: 0.15em 0.8em 0.15em 0"


def summary_html(headline: str, segments: Sequence[SegmentProfile], warnings: Sequence[str]) -> str:
    """Return headline, segments with their rates, and warnings."""
    has_later = any(segment.forecast_ctr.is_known for segment in segments)
    rate = "expected (90 %)" if has_later else "seen (95 %)"
    rows = [
        (
            str(s.segment_id),
            s.name,
            f"{s.n_users:,}",
            f"{s.share:.1%}",
            _rate(s.forecast_ctr if has_later else s.ctr_seen),
            s.verdict,
        )
        for s in segments
    ]
    table = _table(("id", "segment", "users", "share", f"click rate {rate}", "verdict"), rows)
    notes = "".join(f"<li>{escape(text)}</li>" for text in warnings)
    return f"<div><p><b>{escape(headline)}</b></p>{table}<ul>{notes}</ul></div>"


def selection_html(reason: str, candidates: Sequence[CandidateRow]) -> str:
    """Return the reason and every candidate, the chosen one in bold."""
    rows = []
    for row in candidates:
        cells = (
            str(row.n_segments),
            row.algorithm,
            f"{row.inertia:,.0f}",
            "–" if row.silhouette.value is None else f"{row.silhouette.value:.3f}",
            "–" if row.smallest_share is None else f"{row.smallest_share:.1%}",
            row.reason,
        )
        rows.append(cells)
    chosen = [row.is_selected for row in candidates]
    heads = ("K", "algorithm", "inertia", "silhouette", "smallest", "why")
    return f"<div><p>{escape(reason)}</p>{_table(heads, rows, bold=chosen)}</div>"


def _rate(estimate: Estimate) -> str:
    if estimate.value is None:
        return "–"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.2%}"
    return f"{estimate.value:.2%} ({estimate.low * 100:.2f}–{estimate.high * 100:.2f})"


def _table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], *, bold: Sequence[bool] = ()
) -> str:
    head = "".join(f'<th scope="col" style="{_STYLE}">{escape(each)}</th>' for each in heads)
    body = ""
    for i, row in enumerate(rows):
        weight = "; font-weight: bold" if i < len(bold) and bold[i] else ""
        cells = "".join(f'<td style="{_STYLE}{weight}">{escape(each)}</td>' for each in row)
        body += f"<tr>{cells}</tr>"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
