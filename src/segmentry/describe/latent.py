"""What a run tells and writes of latent classes."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentry.evaluation.later_days import KeptGain
from segmentry.formats import percent, rate
from segmentry.schema import UNASSIGNED
from segmentry.segments.forming import LatentSegments, Segmentation
from segmentry.segments.latent import LatentModel, Part

_MANY_LEVELS = 3


@dataclass(frozen=True, slots=True)
class LatentCandidate:
    """One number of classes; BIC and ICL are smaller for the better.

    `n_empty` classes have no user that belongs most to them: they are lost, and the number is not
    chosen. `is_converged` says whether the climb ended by itself.
    """

    n_classes: int
    log_likelihood: float
    n_parameters: int
    bic: float
    icl: float
    n_iterations: int
    is_converged: bool
    n_empty: int
    is_selected: bool


@dataclass(frozen=True, slots=True)
class LatentClass:
    """One class: its share by memberships, and its parameters in words.

    `mean_membership` is how much its users belong to it on average: 1 where classes are far apart.
    """

    segment_id: int
    share: float
    mean_membership: float
    parameters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class LatentReport:
    """How latent classes were found and what the memberships predict."""

    parts: tuple[str, ...]
    """What is modelled, one sentence each."""
    by_bic: int | None
    by_icl: int | None
    """`by_bic`, `by_icl`: the numbers that the two criteria would choose."""
    candidates: tuple[LatentCandidate, ...]
    classes: tuple[LatentClass, ...]
    kept_by_memberships: KeptGain | None
    """Predictive share where each user is given the CTR to be expected over all classes; null
    where there are no later days or clicks formed no class."""


def report_latent(
    segmentation: Segmentation,
    kept_by_memberships: KeptGain | None,
    *,
    withheld: Collection[int] = (),
) -> LatentReport | None:
    """Return what the report shows of latent classes; null for other algorithms.

    Nothing is shown of the classes of withheld segments: they hold too few users.
    """
    found = segmentation.latent
    if found is None:
        return None
    whole = [fit for fit in found.fits if not fit.n_empty]
    by_bic = min(whole, key=lambda fit: (fit.bic, fit.model.n_classes)) if whole else None
    return LatentReport(
        parts=tuple(_part_in_words(part) for part in found.model.parts),
        by_bic=None if by_bic is None else by_bic.model.n_classes,
        by_icl=found.by_icl,
        candidates=tuple(
            LatentCandidate(
                n_classes=fit.model.n_classes,
                log_likelihood=fit.log_likelihood,
                n_parameters=fit.n_parameters,
                bic=fit.bic,
                icl=fit.icl,
                n_iterations=len(fit.trace),
                is_converged=fit.is_converged,
                n_empty=fit.n_empty,
                is_selected=fit.model.n_classes == segmentation.n_segments,
            )
            for fit in found.fits
        ),
        classes=tuple(
            each for each in _classes(found, segmentation) if each.segment_id not in withheld
        ),
        kept_by_memberships=kept_by_memberships,
    )


def _part_in_words(part: Part) -> str:
    if part.kind == "clicks":
        return "clicks given impressions: beta-binomial"
    if part.kind == "count":
        beyond = f" beyond the first {part.offset}" if part.offset else ""
        return f"{part.feature}{beyond}: negative binomial"
    return f"{part.feature}: shares of {len(part.levels)} levels, unknown being one of its own"


def _classes(found: LatentSegments, segmentation: Segmentation) -> tuple[LatentClass, ...]:
    ids = segmentation.segment_ids
    classes = []
    for place, share in enumerate(found.model.shares):
        own = found.memberships[ids == place + 1, place]
        classes.append(
            LatentClass(
                segment_id=place + 1,
                share=share,
                mean_membership=float(own.mean()) if own.size else 0.0,
                parameters=_parameters(found.model, place),
            )
        )
    return tuple(classes)


def _parameters(model: LatentModel, place: int) -> tuple[tuple[str, str], ...]:
    """Return the parameters of a class as (what, value)."""
    parts = []
    for part, law in zip(model.parts, model.laws, strict=True):
        row = law[place]
        if part.kind == "clicks":
            parts.append(("CTR", f"{rate(row[0])}, worth {row[1]:,.0f} impressions"))
        elif part.kind == "count":
            parts.append((part.feature, f"mean {row[0] + part.offset:,.1f}, size {row[1]:,.2f}"))
        else:
            levels = sorted(zip(row, part.levels, strict=True), reverse=True)[:_MANY_LEVELS]
            parts.append(
                (
                    part.feature,
                    ", ".join(f"{name} {percent(share, digits=0)}" for share, name in levels),
                )
            )
    return tuple(parts)


def latent_warnings(segmentation: Segmentation) -> tuple[str, ...]:
    """Say what did not converge and which numbers lost a class."""
    if segmentation.latent is None:
        return ()
    fits = segmentation.latent.fits
    found = []
    open_ends = [str(fit.model.n_classes) for fit in fits if not fit.is_converged]
    if open_ends:
        most = max(len(fit.trace) for fit in fits if not fit.is_converged)
        found.append(
            f"Latent classes: K = {', '.join(open_ends)} had not converged after {most:,} "
            "iterations; their likelihood may still be a little too low."
        )
    lost = [f"{fit.model.n_classes} (lost {fit.n_empty})" for fit in fits if fit.n_empty]
    if lost:
        found.append(
            f"Latent classes: with K = {', '.join(lost)} no user belonged most to some class; "
            "these numbers were not chosen from."
        )
    return tuple(found)


def memberships_table(users: pl.Series, segmentation: Segmentation) -> pl.DataFrame | None:
    """Return the table of ``memberships.parquet``; null for other algorithms.

    Columns are ``user_id``, ``class_1`` to ``class_K`` (null where unassigned) and
    ``expected_ctr``, the CTR to be expected of the user over all classes.
    """
    found = segmentation.latent
    if found is None:
        return None
    is_out = segmentation.segment_ids == UNASSIGNED
    columns = [
        pl.Series(f"class_{place + 1}", np.where(is_out, np.nan, column)).fill_nan(None)
        for place, column in enumerate(found.memberships.T)
    ]
    if found.rates is not None:
        columns.append(pl.Series("expected_ctr", found.rates).fill_nan(None))
    return pl.DataFrame([users.alias("user_id"), *columns])
