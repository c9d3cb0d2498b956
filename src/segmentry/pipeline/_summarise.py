"""From users and segments to the `Summary`."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from threadpoolctl import threadpool_limits

from segmentry.config import RunConfig
from segmentry.describe.cells import tell_cuts
from segmentry.describe.conversions import report_conversions
from segmentry.describe.data_warnings import warn_of_data, warn_of_memory
from segmentry.describe.exposure import LogReport
from segmentry.describe.latent import latent_warnings, report_latent
from segmentry.describe.later_days import report_truth, warn_of_levels, with_truth
from segmentry.describe.maps import make_pictures
from segmentry.describe.presence import (
    PresenceReport,
    compared_features,
    report_presence,
    warn_of_presence,
)
from segmentry.describe.profiles import SegmentProfile, name_segments, profile_segments
from segmentry.describe.suspects import warn_of_suspects
from segmentry.errors import EmptyDataError
from segmentry.evaluation.later_days import DayLevels, Validation
from segmentry.evaluation.number import report_evidence, warn
from segmentry.features.users import UserData
from segmentry.ingest.quality import Finding
from segmentry.pipeline._form import Found
from segmentry.privacy import published_ids
from segmentry.results.summary import (
    CandidateRow,
    DataReport,
    FeatureRow,
    MapPoint,
    MapSummary,
    Repeat,
    SelectionReport,
    Summary,
)
from segmentry.runtime.sampling import hash_shares
from segmentry.schema import UNASSIGNED, Feature
from segmentry.segments.clustering import project
from segmentry.segments.forming import Candidate, Segmentation
from segmentry.segments.preprocessing import FittedColumn
from segmentry.version import __version__

_MAP_USERS = 2000
_LEAST_MAP_USERS = 30
_MAP_SALT = "segmentry map"


class Summarised(NamedTuple):
    """What the report shows, and the table of ``hexagons.parquet``, if there is one."""

    summary: Summary
    hexagons: pl.DataFrame | None


def summarise(
    users: UserData,
    segmentation: Segmentation,
    config: RunConfig,
    *,
    command: str,
    found: Found,
    log: LogReport,
    on_named: Callable[[tuple[SegmentProfile, ...]], object] | None = None,
) -> Summarised:
    """Put together all that the report shows.

    Parameters
    ----------
    users : UserData
    segmentation : Segmentation
        Of the same user table.
    config : RunConfig
    command : str
        What to type to repeat the run.
    found : Found
        What later days say, why this number of segments, what behaviours add.
    log : LogReport
    on_named : callable, optional
        Called with the profiles as soon as there are names.
    """
    catalogue = (*users.features, *users.attributes)
    truth, evidence = found.truth, found.evidence
    # One thread for each sum: its last bits must not depend on who else is computing.
    with threadpool_limits(1), ThreadPoolExecutor(max_workers=1) as beside:
        population, segments = _profiles(users, segmentation, config, truth)
        if on_named is not None:
            on_named(segments)
        pictures = beside.submit(
            make_pictures, users.table, segmentation, catalogue, min_size=config.min_size
        )
        withheld = [segment.segment_id for segment in segments if segment.is_withheld]
        presence = report_presence(
            truth,
            users.table,
            segmentation.segment_ids,
            n_segments=segmentation.n_segments,
            early=None if users.early is None else users.early.table,
            features=compared_features(catalogue, segmentation.preprocessing.features),
            min_size=config.min_size,
        )
        checked = None if truth is None else report_truth(truth, min_size=config.min_size)
        reports = (presence, None if checked is None else checked.levels)
        drawn_from, hexagons = pictures.result()
        summary = Summary(
            headline=_headline(segments, truth),
            warnings=_all_warnings(users, segments, segmentation, found, config, reports=reports),
            data=_data_report(users),
            selection=_selection_report(segmentation, min_size=config.min_size),
            population=population,
            segments=segments,
            unassigned=tuple(_unassigned(users, segmentation)),
            features=_feature_rows(catalogue, segmentation, config),
            map=_map(users, segmentation, min_size=config.min_size),
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
                users, segmentation, truth, found.added, min_size=config.min_size, seed=config.seed
            ),
        )
        return Summarised(summary, hexagons)


def _all_warnings(
    users: UserData,
    segments: tuple[SegmentProfile, ...],
    segmentation: Segmentation,
    found: Found,
    config: RunConfig,
    *,
    reports: tuple[PresenceReport | None, DayLevels | None],
) -> tuple[str, ...]:
    """Return what must be known to read the rest, of all that was looked at."""
    withheld = [segment.segment_id for segment in segments if segment.is_withheld]
    evidence, (presence, levels) = found.evidence, reports
    return (
        *_warnings(users, segments, segmentation, found.truth, found.unchecked),
        *(() if evidence is None else warn(evidence, segmentation, withheld=withheld)),
        *warn_of_levels(levels, utc_offset_hours=users.window.utc_offset_hours),
        *warn_of_presence(presence),
        *warn_of_suspects(users.table, found.truth),
        *warn_of_memory(users.table.height, config.memory),
    )


def _unassigned(users: UserData, segmentation: Segmentation) -> Iterator[Finding]:
    for reason, n_users in segmentation.unassigned:
        yield Finding("unassigned", reason, n_users, users.table.height)


def _profiles(
    users: UserData, segmentation: Segmentation, config: RunConfig, truth: Validation | None
) -> tuple[SegmentProfile, tuple[SegmentProfile, ...]]:
    """Profile the population and the segments, and name them by what later days confirm.

    Raises
    ------
    EmptyDataError
        If all segmented users together are too few to be shown.
    """
    n_users = int((segmentation.segment_ids != UNASSIGNED).sum())
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


def _headline(segments: tuple[SegmentProfile, ...], truth: Validation | None) -> str:
    n_users = sum(segment.n_users for segment in segments)
    if len(segments) == 1:
        return f"{n_users:,} users and no segments worth telling apart: treat them as one."
    if truth is not None and truth.split.outcome is not None:
        n_confirmed = sum(segment.verdict == "confirmed" for segment in segments)
        told = {0: "none of them is", 1: "one of them is"}.get(n_confirmed, f"{n_confirmed} are")
        if n_confirmed == len(segments):
            told = "all of them are"
        return (
            f"{n_users:,} users fall into {len(segments)} segments; {told} confirmed by later days."
        )
    largest = max(segments, key=lambda segment: (segment.share, -segment.segment_id))
    return (
        f"{n_users:,} users fall into {len(segments)} segments; the largest, "
        f"“{largest.name}”, holds {largest.share:.0%} of them."
    )


def _warnings(
    users: UserData,
    segments: tuple[SegmentProfile, ...],
    segmentation: Segmentation,
    truth: Validation | None,
    unchecked: str,
) -> tuple[str, ...]:
    """Return what a careful reader must know before using the segments."""
    found = [*_doubts(truth, unchecked), *latent_warnings(segmentation)]
    found.extend(_withheld(segments))
    by_clicks = {"ctr", "ctr_shrunk", "n_clicks", "n_click_days", "n_repeat_clicks"}
    if len(segments) > 1 and by_clicks & set(segmentation.preprocessing.features):
        found.append(
            "Clicks helped to form the segments, and the CTR seen was measured on the same days: "
            "it overstates how much the segments will differ on later days."
        )
    if users.traits.has_time and users.window.n_days < 2:
        found.append("The log covers less than two days: nothing can be said about stability.")
    found.extend(
        f"Feature {name} was left out: {reason}."
        for name, reason in segmentation.preprocessing.dropped
    )
    found.extend(
        f"Feature {column.feature}: {column.note}."
        for column in segmentation.preprocessing.fitted
        if column.note
    )
    found.extend(warn_of_data(users))
    return tuple(found)


def _withheld(segments: tuple[SegmentProfile, ...]) -> Iterator[str]:
    """Say which segments are too small to be shown, and where their users are counted."""
    hidden = [str(segment.segment_id) for segment in segments if segment.is_withheld]
    if hidden:
        largest = max(segments, key=lambda segment: (segment.n_users, -segment.segment_id))
        word = "Segment" if len(hidden) == 1 else "Segments"
        verb = "holds" if len(hidden) == 1 else "hold"
        yield (
            f"{word} {', '.join(hidden)} {verb} too few users to be shown; in all figures they are "
            f"counted with those of segment {largest.segment_id}."
        )


def _doubts(truth: Validation | None, unchecked: str) -> Iterator[str]:
    """Say that later days were not asked, or had nothing to say; verdicts speak for themselves."""
    if truth is None:
        yield f"The segments were not checked on later days: {unchecked}."
        return
    if truth.split.reason:
        yield f"The segments could not be checked on later days: {truth.split.reason}."
        return
    gain = truth.kept_gain
    if gain is not None and gain.reason:
        yield f"Users' own CTRs tell nothing that holds on later days: {gain.reason}."


def _data_report(users: UserData) -> DataReport:
    return DataReport(
        source=users.source,
        starts_at=users.window.start if users.traits.has_time else None,
        ends_at=users.window.end if users.traits.has_time else None,
        utc_offset_hours=users.window.utc_offset_hours,
        accounts=users.accounts,
        findings=users.findings,
    )


def _selection_report(segmentation: Segmentation, *, min_size: int) -> SelectionReport:
    selection = segmentation.selection
    least_share = min_size / int((segmentation.segment_ids != UNASSIGNED).sum())
    return SelectionReport(
        rule=selection.rule,
        reason=selection.reason,
        n_segments=selection.n_segments,
        is_forced=selection.is_forced,
        knee=selection.knee,
        runner_up=selection.runner_up,
        candidates=tuple(
            _candidate_row(candidate, least_share=least_share if min_size > 1 else 0.0)
            for candidate in selection.candidates
        ),
    )


def _candidate_row(candidate: Candidate, *, least_share: float) -> CandidateRow:
    is_shown = candidate.smallest_share >= least_share
    return CandidateRow(
        algorithm=candidate.algorithm,
        n_segments=candidate.n_segments,
        inertia=candidate.inertia,
        silhouette=candidate.silhouette,
        squared_silhouette=candidate.squared_silhouette,
        calinski_harabasz=candidate.calinski_harabasz,
        davies_bouldin=candidate.davies_bouldin,
        smallest_share=candidate.smallest_share if is_shown else None,
        is_selected=candidate.is_selected,
        is_knee=candidate.is_knee,
        reason=candidate.reason,
    )


def _feature_rows(
    catalogue: tuple[Feature, ...], segmentation: Segmentation, config: RunConfig
) -> tuple[FeatureRow, ...]:
    fitted = {column.feature: column for column in segmentation.preprocessing.fitted}
    dropped = dict(segmentation.preprocessing.dropped)
    rows = []
    for feature in catalogue:
        column = fitted.get(feature.name)
        note = dropped.get(feature.name, "" if column is None else column.note)
        if feature.name in config.exclude:
            note = "excluded by the user: describes segments only"
        rows.append(_feature_row(feature, column, note))
    return tuple(rows)


def _feature_row(feature: Feature, column: FittedColumn | None, note: str) -> FeatureRow:
    return FeatureRow(
        name=feature.name,
        label=feature.label,
        family=feature.family,
        unit=feature.unit,
        kind=feature.kind,
        description=feature.description,
        weight=None if column is None else column.weight,
        fill=None if column is None else column.fill,
        transform=None if column is None else column.transform,
        clip_low=None if column is None else column.raw_clip_low,
        clip_high=None if column is None else column.raw_clip_high,
        scale=None if column is None else column.scale,
        note=note,
    )


def _map(users: UserData, segmentation: Segmentation, *, min_size: int) -> MapSummary:
    """Draw a sample stratified by segment, by hash of the user."""
    components = segmentation.components
    ids, withheld = published_ids(
        segmentation.segment_ids, n_segments=segmentation.n_segments, min_size=min_size
    )
    positions = _map_sample(users, ids, n_segments=segmentation.n_segments)
    X = segmentation.preprocessing.transform(users.table[positions])
    points = project(X, components)
    shown = np.setdiff1d(np.arange(1, segmentation.n_segments + 1), withheld)
    centers = project(segmentation.centers[shown - 1], components)
    return MapSummary(
        columns=segmentation.preprocessing.columns,
        explained_variance_ratio=tuple(map(float, components.explained_variance_ratio)),
        loadings=tuple(tuple(map(float, row)) for row in components.components),
        points=_points(ids[positions], points),
        centers=_points(shown, centers),
    )


def _map_sample(
    users: UserData, ids: npt.NDArray[np.int64], *, n_segments: int
) -> npt.NDArray[np.int64]:
    shares = hash_shares(users.table["user_id"], salt=_MAP_SALT)
    n_assigned = int((ids != UNASSIGNED).sum())
    chosen = []
    for segment_id in range(1, n_segments + 1):
        members = np.flatnonzero(ids == segment_id)
        n_wanted = max(_LEAST_MAP_USERS, round(_MAP_USERS * members.size / n_assigned))
        chosen.append(members[np.argsort(shares[members], kind="stable")[:n_wanted]])
    return np.concatenate(chosen)


def _points(
    segment_ids: npt.NDArray[np.int64], scores: npt.NDArray[np.float64]
) -> tuple[MapPoint, ...]:
    padded = np.full((len(scores), 3), np.nan)
    padded[:, : scores.shape[1]] = scores
    return tuple(
        MapPoint(
            segment_id=int(segment_id),
            x=round(float(x), 4),
            y=None if np.isnan(y) else round(float(y), 4),
            z=None if np.isnan(z) else round(float(z), 4),
        )
        for segment_id, (x, y, z) in zip(segment_ids, padded, strict=True)
    )


def _method(users: UserData, segmentation: Segmentation, config: RunConfig) -> tuple[str, ...]:
    """Say in plain words what was done."""
    labels = {feature.name: feature.label for feature in (*users.features, *users.attributes)}
    forming = ", ".join(labels.get(name, name) for name in segmentation.preprocessing.features)
    read = _reading(users)
    if config.sample < 1:
        read += f" Only a sample of {config.sample:.0%} of the users, by hash of the id, was used."
    formed = (
        f"Segments were formed by {forming}: missing values filled, counts logged, extremes "
        "pulled in at the 1st and 99th percentile, each feature divided by its inter-quartile "
        "range (log-odds by at least 0.1, or luck alone would form segments), and weighted as the "
        "table of features says. Other features only describe."
    )
    if config.choices.given:
        formed += f" Asked for otherwise: {config.choices.told}."
    if segmentation.latent is not None:
        formed = (
            f"Segments are latent classes of {forming}: within a class clicks given impressions "
            "are beta-binomial, counts negative binomial, levels have shares, unknown being one of "
            "them, all independent. Nothing is weighted, clipped or scaled; pictures and "
            "silhouettes alone use features preprocessed as for other algorithms."
        )
    if segmentation.cells is not None:
        formed = tell_cuts(segmentation.cells, labels)
    fitted = (
        f"Clusterings ({segmentation.algorithm}) were fitted for each number of segments from "
        "many starts, exactly on all users. " + segmentation.selection.rule
    )
    if segmentation.cells is not None:
        fitted = segmentation.selection.rule
    silhouette = (
        "The silhouette compares each user with all users, by Euclidean distance, exactly; 1 is a "
        "user in the middle of a clear group, 0 one between two groups."
        if config.exact_silhouette
        else "The silhouette compares each of a sample of users with all users, by Euclidean "
        "distance; 1 is a user in the middle of a clear group, 0 one between two groups. Its "
        "interval is for the sampling of users only."
    )
    rates = ""
    if users.traits.has_clicks:
        rates = (
            "CTR intervals take the user as the unit: the clicks of one user are not independent."
        )
    if users.prior is not None:
        rates += (
            " The shrunk CTR of a user pulls the raw one towards the mean of all users, the more "
            f"the fewer impressions there are (beta prior: mean {users.prior.mean:.4f}, worth "
            f"{users.prior.precision:.1f} impressions)."
        )
    caution = (
        "Segments describe. Nothing here says that treating a segment differently would change "
        "what its users do; a randomised test does."
    )
    told = (read, _lacking(users), formed, fitted, silhouette, rates, caution)
    return tuple(filter(None, told))


def _reading(users: UserData) -> str:
    n_users = f"{users.table.height:,} users"
    if not users.traits.has_log:
        return f"A ready table of {n_users} was read, one row each; there is no log."
    over = f", over {users.window.n_days:g} days" if users.traits.has_time else ""
    has_profiles = any(account.role == "profiles" for account in users.accounts)
    where = "are in the log or have a profile" if has_profiles else "are in the log"
    return f"The log was read once and counted per user{over}. {n_users} {where}."


def _lacking(users: UserData) -> str:
    """Say what the data lack, and what is therefore not in the report."""
    traits = users.traits
    lacking = []
    if traits.has_log and not traits.has_time:
        lacking.append(
            "The events have no times: there is no window, nothing about days, hours and recency, "
            "and no check on later days."
        )
    if not traits.has_clicks:
        what = (
            "The events have no clicks" if traits.has_log else "Without a log there are no clicks"
        )
        lacking.append(f"{what}: no click rate is shown, forecast or checked on later days.")
    return " ".join(lacking)
