"""The map: all users as hexagons, a sample to hover over, loadings, space, and UMAP."""

import json
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

import streamlit as st

from segmentry.present import figures as plots
from segmentry.present.dashboard._ask import choose, slider
from segmentry.present.dashboard._drawing import kept
from segmentry.present.dashboard._offer import offer
from segmentry.present.dashboard._places import (
    begin_places,
    colours_of,
    hexagons_of,
    places_of,
    umap_places_of,
)
from segmentry.present.dashboard._runs import Run
from segmentry.present.dashboard._show import (
    figure,
    heading,
    is_dark,
    notice,
    part,
    put,
    table,
    words,
)
from segmentry.present.figures import (
    Caption,
    UserPlace,
    center_table,
    hexagon_table,
    label_of,
    loading_table,
    umap_table,
)
from segmentry.present.report import Figure, render_figure

_VIEWS = ("All users", "A sample", "Loadings", "In space", "UMAP")
_SEGMENT = "segment"
_USERS_FILE, _UMAP_FILE = "users.parquet", "umap.parquet"
_FULLEST = 12


def show_map(run: Run) -> None:
    """Draw the map that the reader chose."""
    heading(
        "Map",
        "Maps flatten many features to two or three directions. What looks mixed here may be "
        "separate in the features themselves.",
    )
    words("Principal component (PC)", "Loading")
    begin_places(run)
    _views(run)


@part
def _views(run: Run) -> None:
    """Draw what the reader chose; another choice draws this part alone."""
    view = st.segmented_control(
        "View", _VIEWS, default=_VIEWS[0], key="view", bind="query-params", required=True
    )
    feature = _chosen_feature(run)
    {
        "A sample": _sample,
        "Loadings": _loadings,
        "In space": _space,
        "UMAP": _umap,
    }.get(view or "", _all)(run, feature)


def _chosen_feature(run: Run) -> str | None:
    """Let the reader choose what colours mean; none is the segment."""
    if not (run.folder / _USERS_FILE).is_file():
        notice(
            "Colours by feature need users.parquet, which is missing from the run folder: colours "
            "are segments."
        )
        return None
    features = {name: label_of(run.summary, name) for name in colours_of(run)}
    by = choose("Colour by", {_SEGMENT: _SEGMENT} | features, key="by")
    return None if by == _SEGMENT else by


def _all(run: Run, feature: str | None) -> None:
    if feature is None:
        still = plots.FIGURES["map_hexagons"]
        spec = _spec(run, "all", chart=lambda: still.plot(run.summary))
        _set(spec, still.caption(run.summary), "all")
        table(run, center_table(run.summary), loading_table(run.summary))
        return
    cells = hexagons_of(run, feature)
    if not cells:
        notice(
            "This run keeps no values by hexagon: it was made by an earlier version, or has no map "
            "of all users. Run it again to colour all users by a feature; the view “A sample” does "
            "so now. Colours are segments."
        )
        _all(run, None)
        return

    def chart() -> Any:
        return plots.ANSWERS["hexagon_values"].plot(run.summary, cells, feature=feature)

    spec = _spec(run, "hexagons", feature, chart=chart)
    _set(spec, plots.ANSWERS["hexagon_values"].caption(run.summary, cells, feature=feature), "all")
    whole = hexagon_table(run.summary, cells, feature)
    offer(f"map-of-all-by-{feature}", tables=(whole,), pictures={"hexagons": chart})
    table(
        run, hexagon_table(run.summary, cells, feature, n_rows=_FULLEST), loading_table(run.summary)
    )


def _loadings(run: Run, feature: str | None) -> None:
    if feature is not None:
        notice(
            "Here arrows show the features, and colours the segments. Every other view is "
            f"coloured by {label_of(run.summary, feature)}."
        )
    if plots.FIGURES["map"].needs(run.summary):
        figure(run, "map")
    else:
        notice(f"{plots.FIGURES['map'].caption(run.summary).finding}.")


def _sample(run: Run, feature: str | None) -> None:
    if not (run.folder / _USERS_FILE).is_file():
        still = plots.FIGURES["map"]
        spec = _spec(run, "map", chart=lambda: still.plot(run.summary))
        _set(spec, still.caption(run.summary), "sample")
        return
    users = _read(run)
    picture = partial(plots.ANSWERS["users"].plot, run.summary, users, feature=feature)
    spec = _spec(run, "sample", feature, chart=picture)
    _set(spec, plots.ANSWERS["users"].caption(run.summary, users, feature=feature), "sample")
    offer(f"map-by-{feature or _SEGMENT}", pictures={"users": picture})
    table(run, loading_table(run.summary))


def _read(run: Run) -> tuple[UserPlace, ...]:
    with st.spinner("Reading a sample of users …"):
        return places_of(run)


def _space(run: Run, feature: str | None) -> None:
    left, right = st.columns(2)
    with left:
        azimuth = slider("Around, degrees", 0, 360, plots.AZIMUTH, 5, key="azimuth")
    with right:
        elevation = slider(
            "From above, degrees", plots.LOWEST, plots.HIGHEST, plots.ELEVATION, 1, key="elevation"
        )
    users = () if feature is None else _read(run)
    turning = plots.FIGURES["map_3d"]
    chart = partial(turning.plot, run.summary, users, feature=feature)
    spec = _spec(run, "space", feature, chart=chart)
    turned = {"azimuth": azimuth, "elevation": elevation}
    for param in spec.get("params", []):
        if param["name"] in turned:
            param["value"] = turned[param["name"]]
            param.pop("bind", None)
    _set(spec, turning.caption(run.summary, users, feature=feature), "space")
    table(run, center_table(run.summary), loading_table(run.summary))


def _umap(run: Run, feature: str | None) -> None:
    if run.summary.embedding is None:
        notice(
            f"This run has no UMAP. Make one with: segmentry embed {run.folder.name} (it needs the "
            'extra: pip install "segmentry[umap]").'
        )
        return
    if feature is not None and not (run.folder / _UMAP_FILE).is_file():
        notice("Colours by feature need umap.parquet, which is missing from the run folder.")
        feature = None
    with st.spinner("Reading a sample of users …"):
        users = () if feature is None else umap_places_of(run)

    def chart() -> Any:
        return plots.FIGURES["umap"].plot(run.summary, users, feature=feature)

    spec = _spec(run, "umap", feature, chart=chart)
    _set(spec, plots.FIGURES["umap"].caption(run.summary, users, feature=feature), "umap")
    if feature is not None:
        offer(f"umap-by-{feature}", pictures={"umap": chart})
    table(run, umap_table(run.summary))


def _spec(run: Run, *key: Hashable, chart: Callable[[], Any]) -> dict[str, Any]:
    dark = is_dark()

    def made() -> str:
        with plots.unchecked():
            return json.dumps(plots.render_spec(chart(), is_dark=dark))

    spec: dict[str, Any] = json.loads(kept(run, "map", *key, dark, make=made))
    return spec


def _set(spec: dict[str, Any], caption: Caption, name: str) -> None:
    put(render_figure(Figure(f"map_{name}", "", caption, "", ())))
    del spec["description"]  # shown as the chart's name
    st.vega_lite_chart(spec=spec, theme=None, width="content", key=f"map-{name}", alt=caption.alt)
