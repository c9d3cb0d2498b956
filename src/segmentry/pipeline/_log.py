"""The second look at the log of a run: what its segments were shown and clicked."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from segmentry.config import RunConfig
from segmentry.describe.exposure import (
    Cell,
    HoldOut,
    LogDescription,
    LogReport,
    Members,
    describe_log,
)
from segmentry.evaluation.later_days import Validation
from segmentry.features.users import UserData
from segmentry.ingest.engines import explained, open_engine
from segmentry.privacy import published_ids
from segmentry.runtime.progress import told
from segmentry.schema import DataTraits, Estimate, Progress
from segmentry.segments.forming import Segmentation, recipe_named

_MOST_SHOWN = 3
_ALL_SHOWN = ("hour", "placement", "price band")


@dataclass(frozen=True, slots=True, eq=False)
class SecondLook:
    """What the report shows of the log, and the table of ``affinity.parquet``, if there is one."""

    report: LogReport
    affinity: pl.DataFrame | None


def look_again(
    users: UserData,
    segmentation: Segmentation,
    truth: Validation | None,
    config: RunConfig,
    *,
    scratch: Path | None,
    progress: Progress | None,
) -> SecondLook:
    """Describe the log by segment, or say why that cannot be done.

    Parameters
    ----------
    users : UserData
        With the log, if it was kept.
    segmentation : Segmentation
    truth : Validation or None
        With the segments of the feature window.
    config : RunConfig
    scratch : Path or None
        Folder for temporary files; null where no log is there.
    progress : callable, optional
    """
    if users.log is None or scratch is None:
        return SecondLook(LogReport(reason=_absence(config, users.traits)), None)
    k = segmentation.n_segments
    ids, _ = published_ids(segmentation.segment_ids, n_segments=k, min_size=config.min_size)
    on_part = told(progress, "describing the log by segment")
    engine = open_engine(config.engine, scratch=scratch, memory=config.memory)
    try:
        with explained(engine, "describing the log"):
            found = describe_log(
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
    report = LogReport(
        reason="",
        dimensions=found.dimensions,
        least_users=config.min_size,
        cells=tuple(_cells(found.cells)),
        held_out=found.held_out,
        reactions=found.reactions,
        curves=found.curves,
        notes=tuple(_notes(found)),
    )
    return SecondLook(report, found.cells)


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


def _cells(table: pl.DataFrame) -> Iterator[Cell]:
    """Return the cells that the page shows: all of small dimensions, of others what stands out."""
    for _, own in table.group_by("segment_id", "kind", maintain_order=True):
        shown = own if own["kind"][0] in _ALL_SHOWN else _outstanding(own)
        for row in shown.iter_rows(named=True):
            yield Cell(
                segment_id=row["segment_id"],
                dimension=row["kind"],
                key=row["key"],
                label=row["label"],
                n_users=row["n_users"],
                n_impressions=row["n_impressions"],
                n_clicks=row["n_clicks"],
                exposure_share=row["exposure_share"],
                **{
                    name: Estimate(row[name], row[f"{name}_low"], row[f"{name}_high"])
                    for name in ("ctr", "exposure_index", "ctr_index")
                },
            )


def _outstanding(own: pl.DataFrame) -> pl.DataFrame:
    """Keep what lies above 100 with its whole interval: the strongest in clicks, then in exposure.

    Ties are in the order of the keys.
    """
    placed = own.with_row_index("place")
    found = []
    for name in ("ctr_index_low", "exposure_index_low"):
        above = placed.filter(pl.col(name) > 100)
        found.append(above.sort(name, "place", descending=[True, False]).head(_MOST_SHOWN))
    return pl.concat(found).unique("place", keep="first", maintain_order=True)


def _notes(found: LogDescription) -> Iterator[str]:
    """Say what is absent and why, and what must be known to read the rest."""
    of_ads = {"category", "brand", "campaign", "price band"}
    if not of_ads & set(found.dimensions):
        yield (
            "Nothing is known of the ads (no table of ads, or none of its ads in the log): there "
            "are no categories, brands, campaigns and prices."
        )
    elif "price band" not in found.dimensions:
        yield "The ads have no prices: there are no price bands."
    if "placement" not in found.dimensions:
        yield "The log names no placements."
    if not any(curve.kind == "repeat" for curve in found.curves):
        yield "No ad was shown twice to a user, or the log names no ads: there is no repeat curve."
    cells = found.cells
    silent = cells.group_by("segment_id").agg(pl.col("n_clicks").sum()).sort("segment_id")
    for segment_id in silent.filter(pl.col("n_clicks") == 0)["segment_id"]:
        yield f"Segment {segment_id} has no click that may be shown: its rates are expectations."
    if any(reaction.is_found for reaction in found.reactions):
        yield (
            "The next exposure comes sooner or later after a click: exposure reacts to clicks, so "
            "that no curve of it can be told from the log alone (not identified), and no cap is "
            "drawn. A randomised cap would tell."
        )
    shares = [curve.user_share for curve in found.curves]
    if shares and min(shares) < 1:
        yield (
            f"Curves within users were fitted on a sample of the users by hash of the id "
            f"({min(shares):.0%} of all at the least); everything else is of all users."
        )
