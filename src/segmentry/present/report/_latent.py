"""Latent classes: which number two criteria take, what the classes are, what memberships add."""

from segmentry.describe.latent import LatentCandidate, LatentReport
from segmentry.formats import MISSING, count, decimal, interval, percent
from segmentry.present.report._tables import segment_row
from segmentry.present.report._views import Latent, Row, Table
from segmentry.results.summary import Summary


def make_latent(summary: Summary) -> Latent | None:
    """Return the part on latent classes; null for other algorithms."""
    latent = summary.latent
    if latent is None:
        return None
    return Latent(
        lead=_lead(latent),
        parts=latent.parts,
        kept=_kept(latent),
        tables=(_criteria(latent), _classes(summary, latent)),
    )


def _lead(latent: LatentReport) -> str:
    chosen = next((each for each in latent.candidates if each.is_selected), None)
    if latent.by_bic == latent.by_icl:
        told = f"BIC and ICL both take {latent.by_bic}."
    else:
        told = (
            f"The BIC takes {latent.by_bic}, the ICL {latent.by_icl}: classes that describe the "
            "users well may overlap so much that few users clearly belong to one."
        )
    if chosen is not None and not chosen.is_converged:
        told += " The chosen number had not converged; its likelihood may be a little too low."
    return told


def _kept(latent: LatentReport) -> str:
    gain = latent.kept_by_memberships
    if gain is None:
        return ""
    if gain.reason:
        return f"What the memberships foretell of later days cannot be said: {gain.reason}."
    return (
        f"With every user's own memberships the forecast keeps {decimal(gain.by_forecast.value)} "
        f"(90 % interval {interval(gain.by_forecast)}) of what users' own click rates tell of the "
        "later days: 1 is as much as each user's own rate tells. memberships.parquet holds this "
        "expected rate of each user."
    )


def _criteria(latent: LatentReport) -> Table:
    heads = ("K", "log likelihood", "parameters", "BIC", "ICL", "iterations", "remark")
    return Table(
        caption="Numbers of classes by two criteria: the smaller the better",
        heads=heads,
        rows=tuple(
            Row(
                head=str(each.n_classes),
                cells=(
                    decimal(each.log_likelihood, digits=1),
                    count(each.n_parameters),
                    decimal(each.bic, digits=1),
                    decimal(each.icl, digits=1),
                    count(each.n_iterations),
                    _remark(each),
                ),
                is_strong=each.is_selected,
            )
            for each in latent.candidates
        ),
        text_columns=(6,),
    )


def _remark(candidate: LatentCandidate) -> str:
    told = ["chosen"] * candidate.is_selected
    if candidate.n_empty:
        told.append(f"lost {candidate.n_empty} of its classes")
    if not candidate.is_converged:
        told.append("not converged")
    return ", ".join(told) or MISSING


def _classes(summary: Summary, latent: LatentReport) -> Table:
    names = [what for what, _ in latent.classes[0].parameters] if latent.classes else []
    by_id = {segment.segment_id: segment for segment in summary.segments}
    return Table(
        caption="The classes: a user belongs to each with a probability",
        heads=("segment", "share", "mean membership", *names),
        rows=tuple(
            segment_row(
                by_id[each.segment_id],
                (
                    percent(each.share),
                    percent(each.mean_membership),
                    *(value for _, value in each.parameters),
                ),
            )
            for each in latent.classes
            if each.segment_id in by_id
        ),
        text_columns=tuple(range(3, 3 + len(names))),
    )
