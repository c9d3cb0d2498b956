"""The map: all users as hexagons, a sample to hover over, loadings, pairs, space, and UMAP."""

from typing import Any

import streamlit as st

from segmentry import plots
from segmentry.dashboard._places import places_of
from segmentry.dashboard._runs import Run
from segmentry.dashboard._show import figure, heading, is_dark, notice, put, table, words
from segmentry.plots import Caption
from segmentry.report import (
    Figure,
    center_table,
    loading_table,
    make_maps,
    render_figure,
    umap_table,
)

__all__ = ["show_map"]

_VIEWS = ("All users", "A sample", "Loadings", "Pairs", "In space", "UMAP")
_SEGMENT = "segment"


def show_map(run: Run) -> None:
    """Draw the map that the reader chose."""
    heading(
        "Map",
        "Maps flatten many features to two or three directions. What looks mixed here may be "
        "apart in the features themselves.",
    )
    words("Principal component (PC)", "Loading")
    view = st.segmented_control(
        "View", _VIEWS, default=_VIEWS[0], key="view", bind="query-params", required=True
    )
    {
        "A sample": _sample,
        "Loadings": _loadings,
        "Pairs": _pairs,
        "In space": _space,
        "UMAP": _umap,
    }.get(view or "", _all)(run)


def _all(run: Run) -> None:
    chart = plots.plot_map_hexagons(run.summary)
    _draw(chart, plots.caption_map_hexagons(run.summary), "all")
    table(center_table(run.summary))
    table(loading_table(run.summary))


def _loadings(run: Run) -> None:
    _still(run, "map")


def _pairs(run: Run) -> None:
    _still(run, "map_pairs")


def _still(run: Run, name: str) -> None:
    """Set a map as the report has it."""
    found = [view for view in make_maps(run.summary, {name: "drawn"}) if view.name == name]
    if not found:
        notice(f"{plots.CAPTIONS[name](run.summary).finding}.")
    for view in found:
        figure(run, view)


def _sample(run: Run) -> None:
    features = [_SEGMENT, *plots.distribution_names(run.summary)]
    labels = {row.name: row.label for row in run.summary.features}
    by = st.selectbox(
        "Colour by",
        features,
        format_func=lambda name: labels.get(name, name),
        key="by",
        bind="query-params",
    )
    if not (run.folder / "users.parquet").is_file():
        notice("Colours by feature need users.parquet, which is missing from the run folder.")
        _draw(plots.plot_map(run.summary), plots.caption_map(run.summary), "sample")
        return
    feature = None if by in (None, _SEGMENT) else by
    users = places_of(run)
    chart = plots.plot_users(run.summary, users, feature=feature)
    _draw(chart, plots.caption_users(run.summary, users, feature=feature), "sample")
    table(loading_table(run.summary))


def _space(run: Run) -> None:
    left, right = st.columns(2)
    with left:
        azimuth = st.slider(
            "Around, degrees", 0, 360, plots.AZIMUTH, 5, key="azimuth", bind="query-params"
        )
    with right:
        elevation = st.slider(
            "From above, degrees",
            plots.LOWEST,
            plots.HIGHEST,
            plots.ELEVATION,
            1,
            key="elevation",
            bind="query-params",
        )
    chart = plots.plot_map_3d(run.summary)
    spec = plots.render_spec(chart, is_dark=is_dark())
    turned = {"azimuth": azimuth, "elevation": elevation}
    for param in spec.get("params", []):
        if param["name"] in turned:
            param["value"] = turned[param["name"]]
            param.pop("bind", None)
    _set(spec, plots.caption_map_3d(run.summary), "space")
    table(center_table(run.summary))
    table(loading_table(run.summary))


def _umap(run: Run) -> None:
    if run.summary.embedding is None:
        notice(
            f"This run has no UMAP. Make one with: segmentry embed {run.folder.name} (it needs the "
            'extra: pip install "segmentry[umap]").'
        )
        return
    _draw(plots.plot_umap(run.summary), plots.caption_umap(run.summary), "umap")
    table(umap_table(run.summary))


def _draw(chart: Any, caption: Caption, name: str) -> None:
    _set(plots.render_spec(chart, is_dark=is_dark()), caption, name)


def _set(spec: dict[str, Any], caption: Caption, name: str) -> None:
    put(render_figure(Figure(f"map_{name}", "", caption, "", ())))
    del spec["description"]  # told as the chart's name
    st.vega_lite_chart(spec=spec, theme=None, width="content", key=f"map-{name}", alt=caption.alt)
