"""From users and segments to the `Summary`: profiles, the log read again, decisions."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import polars as pl

from segmentry.advise.decisions import decide_spending
from segmentry.advise.insights import find_insights
from segmentry.config import RunConfig
from segmentry.describe.conversions import report_conversions
from segmentry.describe.data_warnings import warn_of_data, warn_of_memory, warn_of_suspects
from segmentry.describe.exposure import HoldOut, LogDescription, LogReport, Members, describe_log
from segmentry.describe.latent import report_latent
from segmentry.describe.later_days import report_validation, warn_of_levels, with_validation
from segmentry.describe.maps import Pictures, make_pictures, map_components
from segmentry.describe.method import describe_method
from segmentry.describe.number import report_evidence, warn_of_number
from segmentry.describe.overview import headline, warn_of_segments
from segmentry.describe.profiles import (
    SegmentProfile,
    ValueCounts,
    count_values,
    find_exemplars,
    name_segments,
    profile_segments,
    report_rules,
)
from segmentry.describe.retention import (
    RetentionReport,
    report_retention,
    warn_of_retention,
)
from segmentry.errors import EmptyDataError
from segmentry.evaluation.later_days import Validation, ValidationReport
from segmentry.features.users import UserData
from segmentry.features.windows import local_days
from segmentry.ingest.engines import explained, open_engine
from segmentry.ingest.quality import DataReport, Finding
from segmentry.pipeline._form import Found
from segmentry.privacy import published_ids
from segmentry.results.summary import Decisions, Repeat, Summary
from segmentry.runtime.progress import step_reporter
from segmentry.runtime.threads import one_thread
from segmentry.runtime.version import __version__
from segmentry.schema import OF_CLICKS, UNASSIGNED, DataTraits, Feature, Progress
from segmentry.segments.forming import Segmentation, Selection, recipe_named
from segmentry.segments.preprocessing import feature_rows

Named = tuple[SegmentProfile, ...]


class Profiled(NamedTuple):
    """All users and the segments against them, and what pictures of many users are drawn from."""

    population: SegmentProfile
    segments: Named
    pictures: Pictures
    hexagons: pl.DataFrame | None


def profile(
    users: UserData,
    config: RunConfig,
    *,
    found: Found,
    keys: tuple[str, ...],
    on_named: Callable[[Named], Named] | None,
) -> Profiled:
    """Profile and name the segments, with what later days say of each.

    `found` are the segments of these users, `keys` those of the segments. `on_named` is called with
    the profiles as soon as they have names by rule; it returns them with the names of people.
    """
    segmentation, min_size = found.segmentation, config.min_size
    # One thread for each sum: its last bits must not depend on who else is computing.
    with one_thread():
        counted = _values_by_segment(users, segmentation, min_size)
        population, segments = _profiles(users, segmentation, config, found.validation, counted)
        segments = _with_keys(segments, found, keys)
        if on_named is not None:
            segments = on_named(segments)
        pictures, hexagons = make_pictures(
            users.table, segmentation, users.catalogue, counted, min_size=min_size
        )
    return Profiled(population, segments, pictures, hexagons)


def summarise(
    users: UserData,
    config: RunConfig,
    profiled: Profiled,
    *,
    command: str,
    found: Found,
    log: LogReport,
) -> Summary:
    """Collect all that the report shows.

    The `command` is what to type to repeat the run; `found` the segments of these users, what later
    days say, why so many, what behaviours add.
    """
    segmentation, validation, evidence = found.segmentation, found.validation, found.evidence
    segments, min_size = profiled.segments, config.min_size
    with one_thread():
        withheld = [segment.segment_id for segment in segments if segment.is_withheld]
        retention = report_retention(validation, users, segmentation, min_size=min_size)
        checked = None if validation is None else report_validation(validation, min_size=min_size)
        return Summary(
            headline=headline(segments, checked),
            warnings=(
                *_warnings(users, segments, found, checked=checked, retention=retention),
                *warn_of_memory(users.table.height, config.memory),
            ),
            data=_data(users),
            selection=_selection(segmentation, min_size=min_size),
            population=profiled.population,
            segments=segments,
            unassigned=_unassigned(users, segmentation),
            features=tuple(
                feature_rows(users.catalogue, segmentation.preprocessing, excluded=config.exclude)
            ),
            map=map_components(users.table, segmentation, min_size=min_size),
            method=_method(users, segmentation, config),
            repeat=Repeat(command, config.seed, __version__, segmentation.recipe.name),
            validation=checked,
            latent=report_latent(
                segmentation,
                validation.kept_by_memberships if validation else None,
                withheld=withheld,
            ),
            evidence=None if evidence is None else report_evidence(evidence, withheld=withheld),
            retention=retention,
            pictures=profiled.pictures,
            log=log,
            traits=users.traits,
            conversions=report_conversions(
                users, segmentation, validation, found.added, min_size=min_size
            ),
        )


def _values_by_segment(
    users: UserData, segmentation: Segmentation, min_size: int
) -> Mapping[str, ValueCounts]:
    """Count the values of all features by the segments that are shown."""
    k = segmentation.n_segments
    ids, _ = published_ids(segmentation.segment_ids, n_segments=k, min_size=min_size)
    return count_values(users.table, ids, users.catalogue, n_segments=k)


def _with_keys(segments: Named, found: Found, keys: tuple[str, ...]) -> Named:
    """Give each segment its key, and say whether it is stable, as far as that was measured."""
    stability = None if found.evidence is None else found.evidence.stability
    stable = {} if stability is None else {e.segment_id: e.is_stable for e in stability.segments}
    return tuple(
        replace(
            each,
            segment_key=key,
            is_stable=None if each.is_withheld else stable.get(each.segment_id),
        )
        for each, key in zip(segments, keys, strict=True)
    )


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
    return describe_method(
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


def _warnings(
    users: UserData,
    segments: Named,
    found: Found,
    *,
    checked: ValidationReport | None,
    retention: RetentionReport | None,
) -> Iterator[str]:
    """Yield what must be known to read the rest, of all that was looked at."""
    segmentation, validation = found.segmentation, found.validation
    luck = None if checked is None else checked.luck
    yield from warn_of_segments(
        users, segments, segmentation, validation, luck=luck, unchecked=found.unchecked
    )
    yield from warn_of_data(users)
    if found.evidence is not None:
        withheld = [segment.segment_id for segment in segments if segment.is_withheld]
        yield from warn_of_number(found.evidence, segmentation, withheld=withheld)
    levels = None if checked is None else checked.levels
    yield from warn_of_levels(
        levels,
        utc_offset_hours=users.window.utc_offset_hours,
        outcome=OF_CLICKS if checked is None else checked.outcome_of_rates,
    )
    yield from warn_of_retention(retention)
    yield from warn_of_suspects(
        users.table,
        validation,
        outcome=OF_CLICKS if users.early is None else users.early.outcome,
    )


def _profiles(
    users: UserData,
    segmentation: Segmentation,
    config: RunConfig,
    validation: Validation | None,
    counted: Mapping[str, ValueCounts],
) -> tuple[SegmentProfile, Named]:
    """Profile the population and the segments, and name them by what later days confirm.

    Raises EmptyDataError if all segmented users together are too few to be shown.
    """
    n_users = _n_assigned(segmentation)
    if n_users < config.min_size:
        raise EmptyDataError(
            f"{n_users} users have a segment, fewer than --min-size {config.min_size}: nothing may "
            "be shown of them; take more users or a smaller --min-size"
        )
    forming = segmentation.preprocessing.features
    population, segments = profile_segments(
        users.table,
        segmentation.segment_ids,
        users.catalogue,
        counted,
        n_segments=segmentation.n_segments,
        forming=forming,
        silhouettes=segmentation.segment_silhouettes,
        min_size=config.min_size,
    )
    if segmentation.cells is not None:
        named = zip(segments, segmentation.cells.names, strict=True)
        return population, tuple(replace(segment, name=name) for segment, name in named)
    if validation is None:
        return population, segments
    population, segments = with_validation(
        population, segments, validation, min_size=config.min_size
    )
    names = name_segments(population, segments, users.catalogue, forming=forming)
    return population, tuple(
        replace(segment, name=name) for segment, name in zip(segments, names, strict=True)
    )


def decide(
    summary: Summary,
    users: UserData,
    segmentation: Segmentation,
    config: RunConfig,
    validation: Validation | None,
) -> Summary:
    """Add to a summary what can be decided on it.

    The summary holds all that insights are looked for in, the log included where it was read again.
    """
    ids, _ = published_ids(
        segmentation.segment_ids, n_segments=segmentation.n_segments, min_size=config.min_size
    )
    catalogue = {feature.name: feature for feature in users.catalogue}
    forming = [catalogue[name] for name in segmentation.preprocessing.features]
    halves = None if validation is None else validation.halves
    segments, spending = decide_spending(
        summary.segments,
        halves,
        has_clicks=users.traits.has_clicks,
        n_days=1 if halves is None else len(local_days(users.window)),
    )
    summary = replace(summary, segments=segments, spending=spending)
    insights, not_evaluated = find_insights(
        summary,
        agreements={} if validation is None else validation.agreements,
        mute=config.mute,
    )
    return replace(
        summary,
        decisions=Decisions(
            min_size=config.min_size,
            rules=report_rules(users.table, ids, segmentation, forming, min_size=config.min_size),
            exemplars=find_exemplars(
                users.table,
                segmentation,
                ids,
                _shown_of_users(forming, catalogue),
                with_ids=config.exemplar_ids,
            ),
            insights=insights,
            not_evaluated=not_evaluated,
            muted=tuple(sorted(set(config.mute))),
        ),
    )


def _shown_of_users(
    forming: list[Feature], catalogue: Mapping[str, Feature]
) -> tuple[Feature, ...]:
    """Return what is shown of single users: what formed segments, and their counts."""
    counts = [catalogue[name] for name in ("n_impressions", "n_clicks") if name in catalogue]
    return tuple({feature.name: feature for feature in [*forming, *counts]}.values())


def look_again(
    users: UserData,
    segmentation: Segmentation,
    validation: Validation | None,
    config: RunConfig,
    *,
    scratch: Path | None,
    progress: Progress | None,
) -> LogDescription:
    """Describe the log by segment, or say why that cannot be done.

    `scratch` is the folder for temporary files; null where no log is there.
    """
    if users.log is None or scratch is None:
        return LogDescription(LogReport(reason=_absence(config, users.traits)), None)
    k = segmentation.n_segments
    ids, _ = published_ids(segmentation.segment_ids, n_segments=k, min_size=config.min_size)
    on_part = step_reporter(progress, "describing the log by segment")
    engine = open_engine("duckdb", scratch=scratch, memory=config.memory)
    try:
        with explained(engine, "describing the log"):
            return describe_log(
                engine,
                users.log.parts,
                users.log.ads,
                placements=users.log.placements,
                members=Members(users.table["user_id"], ids, k),
                n_clicks=users.table["n_clicks"].fill_null(0).to_numpy(),
                window=users.window,
                hold_out=None if validation is None else HoldOut.of(validation),
                seed=config.seed,
                min_users=config.min_size,
                on_part=on_part,
            )
    finally:
        engine.close()


def _absence(config: RunConfig, traits: DataTraits) -> str:
    if not traits.has_log:
        return "there is no log, only a table of users"
    if not traits.has_clicks:
        return f"the {traits.events} have no clicks"
    if not traits.has_time:
        return f"the {traits.events} have no times"
    if not recipe_named(config.recipe).describes_all:
        return f"recipe {config.recipe} describes segments by what forms them only"
    return "the user table of an earlier run was reused, and the log was not read again"
