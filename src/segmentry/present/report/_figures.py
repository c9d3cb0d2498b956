"""The figures of a run as the report sets them, and the map that turns."""

import json
from collections.abc import Mapping

from segmentry.present import figures as plots
from segmentry.present.figures import FIGURES, Section
from segmentry.present.report._views import Figure, Turn
from segmentry.results.summary import Summary


def figures_in(
    section: Section, summary: Summary, svgs: Mapping[str, str]
) -> tuple[Figure, ...]:
    """Return the figures of a section that such a run has; a picture may be absent, not a map's."""
    return tuple(
        Figure(name, each.title, each.caption(summary), svgs.get(name, ""), each.tables(summary))
        for name, each in FIGURES.items()
        if each.section == section and each.needs(summary) and (section != "maps" or name in svgs)
    )


def make_turn(summary: Summary) -> Turn | None:
    """Return what the page's script draws when somebody turns the picture in space."""
    scene = plots.map_scene(summary)
    if scene is None:
        return None
    ids = sorted({*scene.point_segments, *scene.center_segments})
    record = {
        "half": scene.half,
        "wide": scene.wide,
        "bottom": scene.bottom,
        "top": scene.top,
        "points": [[*p, s] for p, s in zip(scene.points, scene.point_segments, strict=True)],
        "centers": [[*p, s] for p, s in zip(scene.centers, scene.center_segments, strict=True)],
        "colours": {each: plots.segment_colour(each) for each in ids},
        "inks": {each: plots.segment_ink(each) for each in ids},
        "axes": scene.axes,
    }
    text = json.dumps(record, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return Turn(
        scene=text,
        azimuth=plots.AZIMUTH,
        elevation=plots.ELEVATION,
        lowest=plots.LOWEST,
        highest=plots.HIGHEST,
    )
