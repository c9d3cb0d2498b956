"""Latent classes: which number two criteria take, and what the classes are."""

from functools import partial

from segmentry.describe.latent import LatentCandidate, LatentReport
from segmentry.formats import MISSING, count, decimal, percent
from segmentry.present.report._segments import line_of
from segmentry.present.tables import Column, Row, Table, cells_of
from segmentry.results.summary import Summary


def criteria_table(latent: LatentReport) -> Table:
    """Return the numbers of classes that were tried, by both criteria."""
    tenths = partial(decimal, digits=1)
    columns = (
        Column("n_classes", "K"),
        Column("log_likelihood", "log likelihood", tenths),
        Column("n_parameters", "parameters", count),
        Column("bic", "BIC", tenths),
        Column("icl", "ICL", tenths),
        Column("n_iterations", "iterations", count),
        Column("remark", "remark", is_words=True, of=_remark),
    )
    return Table(
        name="latent-numbers",
        caption="Numbers of classes by two criteria: the smaller the better",
        columns=columns,
        rows=tuple(
            Row(cells_of(each, columns), is_strong=each.is_selected) for each in latent.candidates
        ),
    )


def _remark(candidate: LatentCandidate) -> str:
    remarks = ["chosen"] * candidate.is_selected
    if candidate.n_empty:
        remarks.append(f"lost {candidate.n_empty} of its classes")
    if not candidate.is_converged:
        remarks.append("not converged")
    return ", ".join(remarks) or MISSING


def class_table(summary: Summary) -> Table | None:
    """Return the classes with their parameters; null where there are none."""
    if summary.latent is None or not summary.latent.classes:
        return None
    ids = {segment.segment_id for segment in summary.segments}
    names = [name for name, _ in summary.latent.classes[0].parameters]
    return Table(
        name="latent-classes",
        caption="The classes: a user belongs to each with a probability",
        columns=(
            Column("segment", "segment"),
            Column("share", "share", percent),
            Column("mean_membership", "mean membership", percent),
            *(Column(name, name, is_words=True) for name in names),
        ),
        rows=tuple(
            line_of(
                summary,
                each.segment_id,
                each.share,
                each.mean_membership,
                *(value for _, value in each.parameters),
            )
            for each in summary.latent.classes
            if each.segment_id in ids
        ),
    )
