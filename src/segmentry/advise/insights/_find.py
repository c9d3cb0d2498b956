"""Look for every insight, and put an action beside each."""

from collections.abc import Callable, Collection, Iterator, Mapping

from segmentry.advise.insights import _clicks, _events, _log, _makeup, _shop
from segmentry.advise.insights._catalogue import CODES, INSIGHTS, LATER, LOG, SHOP, InsightKind
from segmentry.advise.insights._findings import Facts, Finding
from segmentry.errors import ConfigError
from segmentry.results.summary import Action, Insight, NotEvaluated, Summary

_ORDER = ("problem", "opportunity", "caution", "note")
_NO_NUMBER = "no number: what acting on it is worth takes a test"

_CHECKS: Mapping[str, Callable[[Facts], Iterator[Finding]]] = {
    "SEG-001": _clicks.find_high_value,
    "SEG-002": _clicks.find_unconfirmed,
    "SEG-003": _clicks.find_silent,
    "SEG-004": _clicks.find_under_exposed,
    "SEG-005": _log.find_fatigue,
    "SEG-006": _clicks.find_few_clicks,
    "SEG-007": _log.find_price_mismatch,
    "SEG-008": _log.find_place_or_time,
    "SEG-009": _log.find_category_affinity,
    "SEG-010": _makeup.find_skew,
    "SEG-011": _makeup.find_unstable,
    "SEG-012": _makeup.find_tiny,
    "SEG-013": _makeup.find_missing_data,
    "SEG-014": _makeup.find_one_segment,
    "SEG-015": _clicks.find_no_clicks,
    "SEG-016": _clicks.find_reversed,
    "SEG-017": _events.find_valuable,
    "SEG-018": _events.find_lapsed,
    "SEG-019": _shop.find_browsers,
    "SEG-020": _shop.find_ignoring_buyers,
    "SEG-021": _shop.find_abandoners,
    "SEG-022": _shop.find_brand_loyal,
    "SEG-023": _shop.find_explorers,
}
_DIMENSIONS = {
    "SEG-007": ("price band",),
    "SEG-008": ("placement", "hour"),
    "SEG-009": ("category",),
}


def check_codes(codes: Collection[str]) -> None:
    """Refuse a code that no insight has.

    Raises
    ------
    ConfigError
        If one is unknown.

    Examples
    --------
    >>> check_codes(["SEG-004"])
    >>> check_codes(["SEG-4"])
    Traceback (most recent call last):
    ...
    segmentry.errors.ConfigError: --mute: 'SEG-4' is no insight; did you mean 'SEG-004'? Expected \
codes from SEG-001 to SEG-023
    """
    for code in codes:
        if code not in CODES:
            digits = "".join(filter(str.isdecimal, code))
            near = f"SEG-{int(digits or 0):03}"
            hint = f"; did you mean {near!r}?" if near in CODES else ";"
            raise ConfigError(
                f"--mute: {code!r} is no insight{hint} Expected codes from {INSIGHTS[0].code} to "
                f"{INSIGHTS[-1].code}"
            )


def find_insights(
    summary: Summary, *, agreements: Mapping[int, float], mute: Collection[str] = ()
) -> tuple[tuple[Insight, ...], tuple[NotEvaluated, ...]]:
    """Look for every insight in a summary.

    Parameters
    ----------
    summary : Summary
    agreements : mapping of int to float
        Jaccard of the segments that were found again when all days were taken; empty if nothing
        was refitted.
    mute : collection of str
        Codes not to look for.

    Returns
    -------
    insights : tuple of Insight
        First problems and opportunities of segments that later days confirm, those that are
        stable as well before the others. Then problems, opportunities, cautions, notes; within
        these by the users concerned, and of one segment what later days confirm comes first.
    not_evaluated : tuple of NotEvaluated
        What could not be looked for, and why.
    """
    facts = Facts(summary, agreements)
    found: list[Insight] = []
    skipped = []
    for kind in INSIGHTS:
        if kind.code in mute or not _is_of_such_data(kind, summary):
            continue
        reason = _why_not(kind, facts)
        if reason:
            skipped.append(NotEvaluated(kind.code, kind.title, reason))
        else:
            found += [_insight(kind, each, summary) for each in _CHECKS[kind.code](facts)]
    sizes = {segment.segment_id: segment.n_users for segment in summary.segments}
    found.sort(
        key=lambda each: (
            _doubt(each, summary),
            _ORDER.index(each.severity),
            -sizes.get(each.segment_id or 0, summary.population.n_users),
            CODES[each.code].needs != LATER,
            each.code,
        )
    )
    return tuple(found), tuple(skipped)


def _doubt(insight: Insight, summary: Summary) -> int:
    """Rank an insight: 0 to act on first, 1 where who is in the segment is less sure, else 2."""
    verdicts = {each.segment_id: each.verdict for each in summary.segments}
    is_to_act_on = insight.severity in ("problem", "opportunity")
    if not is_to_act_on or verdicts.get(insight.segment_id or 0) != "confirmed":
        return 2
    stability = None if summary.evidence is None else summary.evidence.stability
    stable = () if stability is None else stability.segments
    unstable = {each.segment_id for each in stable if not each.is_stable}
    return 1 if insight.segment_id in unstable else 0


def _is_of_such_data(kind: InsightKind, summary: Summary) -> bool:
    """Tell whether data of this sort can have the insight at all; else there is nothing to say."""
    if kind.data == "no clicks":
        return summary.traits.has_log and not summary.traits.has_clicks
    return kind.data == "any" or summary.traits.has_clicks


def _why_not(kind: InsightKind, facts: Facts) -> str:
    """Say why an insight cannot be looked for, or nothing."""
    summary = facts.summary
    if kind.data == "no clicks":
        return _why_not_of_events(kind, summary)
    if kind.needs == LATER:
        return _why_not_later(summary)
    if kind.needs == SHOP:
        return _why_not_shop(kind, summary)
    if kind.needs == LOG:
        log = summary.log
        if log is None:
            return "the segments were not counted against the log in this run"
        if log.reason:
            return log.reason
        wanted = _DIMENSIONS.get(kind.code, ())
        if wanted and not set(wanted) & set(log.dimensions):
            return f"the data have no {' or '.join(wanted)}"
        if kind.code == "SEG-005" and not any(c.is_identified for c in log.curves):
            return "no exposure curve is identified"
    return ""


_RATES = {
    "SEG-019": "views",
    "SEG-020": "purchases",
    "SEG-021": "carts abandoned",
    "SEG-022": "same brand",
    "SEG-023": "same category",
}


def _why_not_shop(kind: InsightKind, summary: Summary) -> str:
    if summary.conversions is None:
        return "the behaviour log was not read (--with behaviours)"
    everyone = summary.conversions.segments[0]
    rate = _RATES[kind.code]
    if rate not in {each.name for each in everyone.shop}:
        return f"the behaviour log does not tell {rate}"
    if kind.code in ("SEG-019", "SEG-020"):
        return _why_not_later(summary)
    return ""


def _why_not_of_events(kind: InsightKind, summary: Summary) -> str:
    wanted = "value_sum" if kind.code == "SEG-017" else "recency_days"
    if any(row.name == wanted for row in summary.features):
        return ""
    return f"the {summary.traits.events} have no {kind.needs.split()[0]}"


def _why_not_later(summary: Summary) -> str:
    if summary.truth is None:
        return "the segments were not checked on later days"
    reason = summary.truth.reason
    return f"the segments could not be checked on later days: {reason}" if reason else ""


def _insight(kind: InsightKind, finding: Finding, summary: Summary) -> Insight:
    segment = finding.segment
    n_users = None if segment is None or segment.is_withheld else segment.n_users
    return Insight(
        code=kind.code,
        title=kind.title,
        severity=kind.severity,
        segment_id=None if segment is None else segment.segment_id,
        text=finding.text,
        evidence=finding.evidence,
        link=kind.link,
        action=Action(
            code=kind.code.replace("SEG", "ACT"),
            text=kind.action,
            n_users=n_users,
            effect=finding.effect or _NO_NUMBER,
            value=finding.value,
            assumptions=finding.assumptions,
            test=_test(kind, finding, summary),
        ),
    )


def _test(kind: InsightKind, finding: Finding, summary: Summary) -> str:
    """Return the command that sets up a test on the segment; none where it would not run."""
    segment = finding.segment
    if not kind.is_held_out and not summary.traits.has_clicks:
        return ""
    return kind.test_of("" if segment is None or segment.is_withheld else str(segment.segment_id))
