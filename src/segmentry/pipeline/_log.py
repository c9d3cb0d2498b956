"""The second look at the log of a run: what its segments were shown and clicked."""

from pathlib import Path

from segmentry.config import RunConfig
from segmentry.describe.exposure import HoldOut, LogDescription, LogReport, Members, describe_log
from segmentry.evaluation.later_days import Validation
from segmentry.features.users import UserData
from segmentry.ingest.engines import explained, open_engine
from segmentry.privacy import published_ids
from segmentry.runtime.progress import told
from segmentry.schema import DataTraits, Progress
from segmentry.segments.forming import Segmentation, recipe_named


def look_again(
    users: UserData,
    segmentation: Segmentation,
    truth: Validation | None,
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
    on_part = told(progress, "describing the log by segment")
    engine = open_engine(config.engine, scratch=scratch, memory=config.memory)
    try:
        with explained(engine, "describing the log"):
            return describe_log(
                engine,
                users.log.parts,
                users.log.ads,
                members=Members(users.table["user_id"], ids, k),
                n_clicks=users.table["n_clicks"].fill_null(0).to_numpy(),
                window=users.window,
                hold_out=_hold_out(truth),
                seed=config.seed,
                least_users=config.min_size,
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


def _hold_out(truth: Validation | None) -> HoldOut | None:
    """Return the segments of the feature window, where an outcome window follows it."""
    if truth is None or truth.split.outcome is None:
        return None
    ids = truth.feature_segment_ids
    return HoldOut(ids, int(ids.max(initial=0)), truth.split.outcome.start)
