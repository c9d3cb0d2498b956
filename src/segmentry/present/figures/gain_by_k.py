"""What each number of segments gains on later days."""

from segmentry.evaluation.number import InnerGain
from segmentry.formats import decimal, interval
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, absent
from segmentry.present.figures._forest import FOREST_WIDTH, Against, forest
from segmentry.present.theme import ROLES
from segmentry.results.summary import Summary

_PER = 1000  # trials by which nats are given


def _caption(summary: "Summary") -> Caption:
    """Say which number of segments gains most, and whether the chosen one is a tie."""
    known = _known(summary)
    if not known:
        return absent("What a number of segments gains on later days is not known in this run")
    best = max(known, key=lambda each: each.gain.value or 0.0)
    finding = (
        f"{best.n_segments} segments predict held-out days best: a gain of "
        f"{_nats(best.gain.value)} (90\u00a0% interval {interval(best.gain, write=_nats)})"
    )
    text = "; ".join(f"K = {each.n_segments}: {_text(each)}" for each in known)
    return Caption(
        finding=finding,
        reading=f"Log-likelihood of {summary.outcome.events} on held-out days over that of one "
        f"rate for all, in {_unit(summary)}. Lines: 90 % intervals with users as the unit.",
        alt=f"Dot chart of the gain by number of segments. {finding}. {text}.",
    )


def _draw(summary: "Summary") -> Drawing | None:
    """Draw what each number of segments gains on later days, with intervals."""
    known = _known(summary)
    if not known:
        return None
    chosen = summary.selection.n_segments
    rows: Rows = [
        {
            "row": index,
            "label": f"K = {each.n_segments}{' (chosen)' if each.n_segments == chosen else ''}",
            "color": ROLES["accent" if each.n_segments == chosen else "muted"].light,
            "value": _scaled(each.gain.value),
            "low": _scaled(each.gain.low),
            "high": _scaled(each.gain.high),
            "text": _text(each),
        }
        for index, each in enumerate(known)
    ]
    chart = forest(
        rows,
        title=f"gain, {_unit(summary)}",
        against=Against(0.0, "no gain"),
    )
    return Drawing(chart)


def _known(summary: "Summary") -> "list[InnerGain]":
    gains = () if summary.evidence is None else summary.evidence.gains
    found = [each for each in gains if each.gain.value is not None]
    return sorted(found, key=lambda each: each.n_segments)


def _unit(summary: "Summary") -> str:
    return f"nats per 1,000 {summary.outcome.trials}"


def _scaled(value: float | None) -> float | None:
    return None if value is None else value * _PER


def _nats(value: float | None) -> str:
    return decimal(_scaled(value), digits=3)


def _text(each: "InnerGain") -> str:
    return f"{_nats(each.gain.value)} ({interval(each.gain, write=_nats)})"


FIGURE = Figure(
    name="gain_by_k",
    title="Gain by K",
    width=FOREST_WIDTH,
    caption=_caption,
    draw=_draw,
    section="gain",
    order=11,
    needs=lambda summary: bool(_known(summary)),
)
