"""What the report shows of a description of the log."""

from collections.abc import Iterator

import polars as pl

from segmentry.describe.exposure._describe import LogDescription
from segmentry.describe.exposure._records import Cell, LogReport
from segmentry.schema import Estimate

_MAX_SHOWN = 3
_ALL_SHOWN = ("hour", "placement", "price band")


def report_log(found: LogDescription, *, least_users: int) -> LogReport:
    """Keep what a page shows of the log, and say what is absent and why."""
    return LogReport(
        reason="",
        dimensions=found.dimensions,
        least_users=least_users,
        cells=tuple(_cells(found.cells)),
        held_out=found.held_out,
        reactions=found.reactions,
        curves=found.curves,
        notes=tuple(_notes(found)),
    )


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
        found.append(above.sort(name, "place", descending=[True, False]).head(_MAX_SHOWN))
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
