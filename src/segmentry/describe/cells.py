"""What a run tells of RFM cells."""

from collections.abc import Mapping

from segmentry.segments.forming import CellColumn, CellModel

__all__ = ["tell_cuts"]


def tell_cuts(cells: CellModel, labels: Mapping[str, str]) -> str:
    """Say where each feature was cut, so that anybody can do it again by hand."""
    told = "; ".join(f"{labels[column.feature]}: {_classes(column)}" for column in cells.columns)
    return (
        f"Segments are cells with saved cut points ({told}). New users are put into the same "
        "cells. Pictures and silhouettes alone use features that are logged and scaled."
    )


def _classes(column: CellColumn) -> str:
    *scores, last = column.scores
    if not scores:
        return f"all score {last}"
    ends = [f"up to {cut:,.10g} {score}" for cut, score in zip(column.cuts, scores, strict=True)]
    return ", ".join((*ends, f"above {last}"))
