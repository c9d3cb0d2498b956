"""Look for every insight, and put an action next to each."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from segmentry.advise.insights import _clicks, _events, _log, _makeup, _shop
from segmentry.advise.insights._findings import LATER, LOG, SHOP, Facts, Finding, InsightKind
from segmentry.errors import ConfigError
from segmentry.results.summary import Action, Insight, NotEvaluated, Summary

INSIGHTS = tuple(
    sorted(
        (kind for room in (_clicks, _events, _log, _makeup, _shop) for kind in room.KINDS),
        key=lambda kind: kind.code,
    )
)
CODES: Mapping[str, InsightKind] = MappingProxyType({kind.code: kind for kind in INSIGHTS})
"""Every insight by its code."""
_ORDER = ("problem", "opportunity", "caution", "note")
_NO_NUMBER = "no number: what acting on it is worth takes a test"


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
    segmentry.errors.ConfigError: --mute: 'SEG-4' is not an insight; did you mean 'SEG-004'? \
Expected codes from SEG-001 to SEG-...
    """
    for code in codes:
        if code not in CODES:
            digits = "".join(filter(str.isdecimal, code))
            near = "SEG-" + digits.lstrip("0").zfill(3)
            hint = f"; did you mean {near!r}?" if near in CODES else ";"
            raise ConfigError(
                f"--mute: {code!r} is not an insight{hint} Expected codes from "
                f"{INSIGHTS[0].code} to {INSIGHTS[-1].code}"
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
    mute : collection of str, optional
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
        reason = _why_not(kind, summary)
        if reason:
            skipped.append(NotEvaluated(kind.code, kind.title, reason))
        else:
            found += [_insight(kind, each, summary) for each in kind.find(facts)]
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


def _why_not(kind: InsightKind, summary: Summary) -> str:
    """Say why an insight cannot be looked for, or nothing."""
    if kind.needs == LATER:
        return _why_not_later(summary)
    if kind.needs == SHOP:
        return _why_not_shop(kind, summary)
    if kind.needs == LOG:
        return _why_not_log(kind, summary)
    if kind.needs and not any(row.name in kind.wants for row in summary.features):
        return f"the {summary.traits.events} have no {kind.needs.split()[0]}"
    return ""


def _why_not_log(kind: InsightKind, summary: Summary) -> str:
    log = summary.log
    if log is None:
        return "the segments were not counted against the log in this run"
    if log.reason:
        return log.reason
    if kind.wants and not set(kind.wants) & set(log.dimensions):
        return f"the data have no {' or '.join(kind.wants)}"
    if kind.code == "SEG-005" and not any(curve.is_identified for curve in log.curves):
        return "no exposure curve is identified"
    return ""


def _why_not_shop(kind: InsightKind, summary: Summary) -> str:
    if summary.conversions is None:
        return "the behaviour log was not read (--with behaviours)"
    known = {each.name for each in summary.conversions.segments[0].shop}
    if not known.issuperset(kind.wants):
        return f"the behaviour log does not tell {kind.wants[0]}"
    return _why_not_later(summary) if kind.code in ("SEG-019", "SEG-020") else ""


def _why_not_later(summary: Summary) -> str:
    if summary.validation is None:
        return "the segments were not checked on later days"
    reason = summary.validation.reason
    return f"the segments could not be checked on later days: {reason}" if reason else ""


def _insight(kind: InsightKind, finding: Finding, summary: Summary) -> Insight:
    segment = finding.segment
    decision = None if segment is None else segment.decision
    is_suited = decision is None or decision in kind.suits
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
            effect=finding.worth.effect or _NO_NUMBER,
            value=finding.worth.value,
            assumptions=finding.worth.assumptions,
            test=_test(kind, finding, summary),
        )
        if is_suited
        else None,
    )


def _test(kind: InsightKind, finding: Finding, summary: Summary) -> str:
    """Return the command that sets up a test on the segment; none where it would not run."""
    segment = finding.segment
    if not kind.is_held_out and not summary.traits.has_clicks:
        return ""
    return kind.test_of("" if segment is None or segment.is_withheld else str(segment.segment_id))
