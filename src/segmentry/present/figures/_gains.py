"""What each number of segments gains on later days."""

from typing import TYPE_CHECKING

from segmentry.formats import decimal, interval
from segmentry.present.figures._caption import Caption, Rows, empty_chart, finish
from segmentry.present.figures._forest import Against, forest
from segmentry.present.theme import ROLES

if TYPE_CHECKING:
    import altair as alt

    from segmentry.evaluation.number import InnerGain
    from segmentry.results.summary import Summary


_WIDTH = 560
_PER = 1000  # impressions by which nats are given


def has_gains(summary: "Summary") -> bool:
    """Return whether any number of segments was judged by later days."""
    return bool(_known(summary))


def caption_gain_by_k(summary: "Summary") -> Caption:
    """Say which number of segments gains most, and whether the chosen one is a tie.

    Examples
    --------
    >>> print(caption_gain_by_k(summary).finding)  # doctest: +SKIP
    """
    known = _known(summary)
    if not known:
        text = "What a number of segments gains on later days is not known in this run"
        return Caption(finding=text, reading="", alt=f"{text}.")
    best = max(known, key=lambda each: each.gain.value or 0.0)
    finding = (
        f"K = {best.n_segments} gains most on later days: {_nats(best.gain.value)} nats per "
        f"1,000 impressions (90\u00a0% interval {interval(best.gain, write=_nats)})"
    )
    rows = "; ".join(f"K = {each.n_segments}: {_told(each)}" for each in known)
    return Caption(
        finding=finding,
        reading="Log-likelihood of later clicks over that of one click rate for all; 0 gains "
        "nothing. Lines: 90 % intervals, users being the unit.",
        alt=f"Dot chart of the gain by number of segments. {finding}. {rows}.",
    )


def plot_gain_by_k(summary: "Summary") -> "alt.LayerChart | alt.Chart":
    """Draw what each number of segments gains on later days, with intervals.

    Parameters
    ----------
    summary : Summary
        The run.

    Returns
    -------
    altair.LayerChart or altair.Chart
        Figure ``gain_by_k``; where nothing was measured, a chart that says so.

    Examples
    --------
    >>> plot_gain_by_k(summary).save("gain_by_k.html")  # doctest: +SKIP
    """
    caption, known = caption_gain_by_k(summary), _known(summary)
    if not known:
        return empty_chart(name="gain_by_k", caption=caption, width=_WIDTH)
    chosen = summary.selection.n_segments
    rows: Rows = [
        {
            "row": index,
            "label": f"K = {each.n_segments}{' (chosen)' if each.n_segments == chosen else ''}",
            "color": ROLES["accent" if each.n_segments == chosen else "muted"].light,
            "value": _scaled(each.gain.value),
            "low": _scaled(each.gain.low),
            "high": _scaled(each.gain.high),
            "text": _told(each),
        }
        for index, each in enumerate(known)
    ]
    chart = forest(
        rows,
        title="gain, nats per 1,000 impressions",
        against=Against(0.0, "no gain"),
        width=_WIDTH,
    )
    return finish(chart, name="gain_by_k", caption=caption, width=_WIDTH)


def _known(summary: "Summary") -> "list[InnerGain]":
    gains = () if summary.evidence is None else summary.evidence.gains
    found = [each for each in gains if each.gain.value is not None]
    return sorted(found, key=lambda each: each.n_segments)


def _scaled(value: float | None) -> float | None:
    return None if value is None else value * _PER


def _nats(value: float | None) -> str:
    return decimal(_scaled(value), digits=3)


def _told(each: "InnerGain") -> str:
    return f"{_nats(each.gain.value)} ({interval(each.gain, write=_nats)})"
