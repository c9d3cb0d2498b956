"""From users and segments to the `Summary`."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import polars as pl
from threadpoolctl import threadpool_limits

from segmentry.config import RunConfig
from segmentry.describe.conversions import report_conversions
from segmentry.describe.data_warnings import warn_of_data, warn_of_memory, warn_of_suspects
from segmentry.describe.exposure import LogReport
from segmentry.describe.latent import report_latent
from segmentry.describe.later_days import report_truth, warn_of_levels, with_truth
from segmentry.describe.maps import make_pictures, map_components
from segmentry.describe.method import tell_method
from segmentry.describe.number import report_evidence, warn_of_number
from segmentry.describe.overview import headline, warn_of_segments
from segmentry.describe.presence import (
    PresenceReport,
    compared_features,
    report_presence,
    warn_of_presence,
)
from segmentry.describe.profiles import SegmentProfile, name_segments, profile_segments
from segmentry.errors import EmptyDataError
from segmentry.evaluation.later_days import TruthReport, Validation
from segmentry.features.users import UserData
from segmentry.ingest.quality import DataReport, Finding
from segmentry.pipeline._form import Found
from segmentry.results.summary import Repeat, Summary
from segmentry.runtime.version import __version__
from segmentry.schema import UNASSIGNED
from segmentry.segments.forming import Segmentation, Selection
from segmentry.segments.preprocessing import feature_rows

Named = tuple[SegmentProfile, ...]


class Summarised(NamedTuple):
    """What the report shows, and the table of ``hexagons.parquet``, if there is one."""

    summary: Summary
    hexagons: pl.DataFrame | None


def summarise(
    users: UserData,
    config: RunConfig,
    *,
    command: str,
    found: Found,
    log: LogReport,
    on_named: Callable[[Named], Named] | None = None,
) -> Summarised:
    """Put together all that the report shows.

    Parameters
    ----------
    command : str
        What to type to repeat the run.
    found : Found
        Segments of these users, what later days say, why so many, what behaviours add.
    on_named : callable, optional
        Called with the profiles as soon as they have names by rule; returns them with the names
        that people gave.
    """
    catalogue = (*users.features, *users.attributes)
    segmentation, truth, evidence = found.segmentation, found.truth, found.evidence
    min_size = config.min_size
    # One thread for each sum: its last bits must not depend on who else is computing.
    with threadpool_limits(1), ThreadPoolExecutor(max_workers=1) as beside:
        population, segments = _profiles(users, segmentation, config, truth)
        if on_named is not None:
            segments = on_named(segments)
        pictures = beside.submit(
            make_pictures, users.table, segmentation, catalogue, min_size=min_size
        )
        withheld = [segment.segment_id for segment in segments if segment.is_withheld]
        presence = _presence(users, found, min_size=min_size)
        checked = None if truth is None else report_truth(truth, min_size=min_size)
        drawn_from, hexagons = pictures.result()
        summary = Summary(
            headline=headline(segments, checked),
            warnings=(
                *_warnings(users, segments, found, checked=checked, presence=presence),
                *warn_of_memory(users.table.height, config.memory),
            ),
            data=_data(users),
            selection=_selection(segmentation, min_size=min_size),
            population=population,
            segments=segments,
            unassigned=_unassigned(users, segmentation),
            features=tuple(
                feature_rows(catalogue, segmentation.preprocessing, excluded=config.exclude)
            ),
            map=map_components(users.table, segmentation, min_size=min_size),
            method=_method(users, segmentation, config),
            repeat=Repeat(command, config.seed, __version__, segmentation.recipe.name),
            truth=checked,
            latent=report_latent(
                segmentation, truth.kept_by_memberships if truth else None, withheld=withheld
            ),
            evidence=None if evidence is None else report_evidence(evidence, withheld=withheld),
            presence=presence,
            pictures=drawn_from,
            log=log,
            traits=users.traits,
            conversions=report_conversions(
                users, segmentation, truth, found.added, min_size=min_size
            ),
        )
        return Summarised(summary, hexagons)


def _n_assigned(segmentation: Segmentation) -> int:
    return int((segmentation.segment_ids != UNASSIGNED).sum())


def _selection(segmentation: Segmentation, *, min_size: int) -> Selection:
    min_share = min_size / _n_assigned(segmentation) if min_size > 1 else 0.0
    return segmentation.selection.published(min_share=min_share)


def _unassigned(users: UserData, segmentation: Segmentation) -> tuple[Finding, ...]:
    return tuple(
        Finding("unassigned", reason, n_users, users.table.height)
        for reason, n_users in segmentation.unassigned
    )


def _method(users: UserData, segmentation: Segmentation, config: RunConfig) -> tuple[str, ...]:
    return tell_method(
        users,
        segmentation,
        choices=config.choices,
        sample=config.sample,
        is_exact=config.exact_silhouette,
    )


def _data(users: UserData) -> DataReport:
    has_time = users.traits.has_time
    return DataReport(
        source=users.source,
        starts_at=users.window.start if has_time else None,
        ends_at=users.window.end if has_time else None,
        utc_offset_hours=users.window.utc_offset_hours,
        accounts=users.accounts,
        findings=users.findings,
    )


def _presence(users: UserData, found: Found, *, min_size: int) -> PresenceReport | None:
    segmentation = found.segmentation
    return report_presence(
        found.truth,
        users.table,
        segmentation.segment_ids,
        n_segments=segmentation.n_segments,
        early=None if users.early is None else users.early.table,
        features=compared_features(
            (*users.features, *users.attributes), segmentation.preprocessing.features
        ),
        min_size=min_size,
    )


def _warnings(
    users: UserData,
    segments: Named,
    found: Found,
    *,
    checked: TruthReport | None,
    presence: PresenceReport | None,
) -> Iterator[str]:
    """Yield what must be known to read the rest, of all that was looked at."""
    segmentation, truth = found.segmentation, found.truth
    luck = None if checked is None else checked.luck
    yield from warn_of_segments(
        users, segments, segmentation, truth, luck=luck, unchecked=found.unchecked
    )
    yield from warn_of_data(users)
    if found.evidence is not None:
        withheld = [segment.segment_id for segment in segments if segment.is_withheld]
        yield from warn_of_number(found.evidence, segmentation, withheld=withheld)
    levels = None if checked is None else checked.levels
    yield from warn_of_levels(levels, utc_offset_hours=users.window.utc_offset_hours)
    yield from warn_of_presence(presence)
    yield from warn_of_suspects(users.table, truth)


def _profiles(
    users: UserData, segmentation: Segmentation, config: RunConfig, truth: Validation | None
) -> tuple[SegmentProfile, Named]:
    """Profile the population and the segments, and name them by what later days confirm.

    Raises
    ------
    EmptyDataError
        If all segmented users together are too few to be shown.
    """
    n_users = _n_assigned(segmentation)
    if n_users < config.min_size:
        raise EmptyDataError(
            f"{n_users} users have a segment, fewer than --min-size {config.min_size}: nothing may "
            "be shown of them; take more users or a smaller --min-size"
        )
    features = (*users.features, *users.attributes)
    forming = segmentation.preprocessing.features
    population, segments = profile_segments(
        users.table,
        segmentation.segment_ids,
        features,
        n_segments=segmentation.n_segments,
        forming=forming,
        silhouettes=segmentation.segment_silhouettes,
        min_size=config.min_size,
    )
    if segmentation.cells is not None:
        named = zip(segments, segmentation.cells.names, strict=True)
        return population, tuple(replace(segment, name=name) for segment, name in named)
    if truth is None:
        return population, segments
    population, segments = with_truth(population, segments, truth, min_size=config.min_size)
    names = name_segments(population, segments, features, forming=forming)
    return population, tuple(
        replace(segment, name=name) for segment, name in zip(segments, names, strict=True)
    )
