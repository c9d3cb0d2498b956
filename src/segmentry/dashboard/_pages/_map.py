"""The map: all users as hexagons, a sample to hover over, loadings, pairs, space, and UMAP."""

import json
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

import streamlit as st

from segmentry import plots
from segmentry.dashboard._drawing import kept
from segmentry.dashboard._offer import offer
from segmentry.dashboard._places import places_of
from segmentry.dashboard._runs import Run
from segmentry.dashboard._show import figure, heading, is_dark, notice, part, put, table, words
from segmentry.plots import Caption
from segmentry.report import (
    Figure,
    center_table,
    loading_table,
    make_maps,
    render_figure,
    umap_table,
)

__all__ = ["prepare_map", "show_map"]

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
    _views(run)


def prepare_map(run: Run) -> None:
    """Put together what is shown first in each view, before a reader asks.

    Raises
    ------
    SegmentryError
        If users or model of the run cannot be read.
    """
    for dark in (False, True):
        _spec_of_all(run, dark=dark)
        _spec_of_space(run, dark=dark)
    for dark in (False, True):
        _spec_of_sample(run, None, dark=dark)


@part
def _views(run: Run) -> None:
    """Draw what the reader chose; another choice draws this part alone."""
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
    spec = _spec_of_all(run, dark=is_dark())
    _set(spec, plots.caption_map_hexagons(run.summary), "all")
    table(center_table(run.summary), loading_table(run.summary))


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
        spec = _spec(run, "map", chart=lambda: plots.plot_map(run.summary), dark=is_dark())
        _set(spec, plots.caption_map(run.summary), "sample")
        return
    feature = None if by in (None, _SEGMENT) else by
    with st.spinner("Reading a sample of users …"):
        users = places_of(run)
        spec = _spec_of_sample(run, feature, dark=is_dark())
    _set(spec, plots.caption_users(run.summary, users, feature=feature), "sample")
    picture = partial(plots.plot_users, run.summary, users, feature=feature)
    offer(f"map-by-{by or _SEGMENT}", pictures={"users": picture})
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
    spec = _spec_of_space(run, dark=is_dark())
    turned = {"azimuth": azimuth, "elevation": elevation}
    for param in spec.get("params", []):
        if param["name"] in turned:
            param["value"] = turned[param["name"]]
            param.pop("bind", None)
    _set(spec, plots.caption_map_3d(run.summary), "space")
    table(center_table(run.summary), loading_table(run.summary))


def _umap(run: Run) -> None:
    if run.summary.embedding is None:
        notice(
            f"This run has no UMAP. Make one with: segmentry embed {run.folder.name} (it needs the "
            'extra: pip install "segmentry[umap]").'
        )
        return
    spec = _spec(run, "umap", chart=lambda: plots.plot_umap(run.summary), dark=is_dark())
    _set(spec, plots.caption_umap(run.summary), "umap")
    table(umap_table(run.summary))


def _spec_of_all(run: Run, *, dark: bool) -> dict[str, Any]:
    return _spec(run, "all", chart=lambda: plots.plot_map_hexagons(run.summary), dark=dark)


def _spec_of_space(run: Run, *, dark: bool) -> dict[str, Any]:
    return _spec(run, "space", chart=lambda: plots.plot_map_3d(run.summary), dark=dark)


def _spec_of_sample(run: Run, feature: str | None, *, dark: bool) -> dict[str, Any]:
    def chart() -> Any:
        return plots.plot_users(run.summary, places_of(run), feature=feature)

    return _spec(run, "sample", feature, chart=chart, dark=dark)


def _spec(run: Run, *key: Hashable, chart: Callable[[], Any], dark: bool) -> dict[str, Any]:
    def made() -> str:
        return json.dumps(plots.render_spec(chart(), is_dark=dark))

    spec: dict[str, Any] = json.loads(kept(run, "map", *key, dark, make=made))
    return spec


def _set(spec: dict[str, Any], caption: Caption, name: str) -> None:
    put(render_figure(Figure(f"map_{name}", "", caption, "", ())))
    del spec["description"]  # told as the chart's name
    st.vega_lite_chart(spec=spec, theme=None, width="content", key=f"map-{name}", alt=caption.alt)
