"""How the values of features are spread in each segment, against all users."""

import itertools
from collections.abc import Iterable, Sequence

from segmentry.describe.profiles import Distribution, NumericStatistics, SegmentProfile
from segmentry.formats import MISSING, feature_value
from segmentry.present.figures._altair import alt
from segmentry.present.figures._colouring import colour_names, kind_of, label_of
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, absent, quoted
from segmentry.present.figures._marks import as_given, at_x, layered, on, on_named, pixels_y
from segmentry.present.tables import Column, Row, Shown, Table
from segmentry.present.theme import ROLES, segment_colour
from segmentry.results.summary import Summary
from segmentry.schema import Estimate

_CELL = 168
_HIGH = 46
_GAP = 28
_MAX_FEATURES = 4
_MAX_SEGMENTS = 8
_EMPTY = 420


def distribution_names(summary: "Summary") -> tuple[str, ...]:
    """Return the features whose distributions are known, those that formed segments first."""
    known = {d.feature for d in _known(summary)}
    return tuple(name for name in colour_names(summary) if name in known)


def _caption(summary: "Summary", *, features: Sequence[str] | None = None) -> Caption:
    """Say of which features the spread is shown."""
    chosen = _chosen(summary, features)
    if not chosen:
        return absent("There are no distributions: this run did not keep them")
    text = ", ".join(label_of(summary, d.feature) for d in chosen)
    n_left = max(0, len(summary.segments) - _MAX_SEGMENTS)
    only = f" The first {_MAX_SEGMENTS} segments are drawn." if n_left else ""
    return Caption(
        finding=_finding(summary, [d.feature for d in chosen]) or f"How users spread: {text}",
        reading="Filled: share of the segment’s users per bin. Line: all users. Raw units; bins "
        "that grow with the values are drawn equally wide. The last bin also holds what lies above."
        + only,
        alt=f"Histograms of {text}, one per segment, over that of all users. The quartiles stand "
        "in the tables of the profiles.",
    )


def _finding(summary: "Summary", names: Sequence[str]) -> str:
    """Name the segment and the feature that differ most from all users, by their medians."""
    everyone = {row.feature: row for row in summary.population.numeric}
    found = [
        (abs(row.standardised_difference.value), segment.name, row.feature, row.median)
        for segment in summary.segments
        for row in segment.numeric
        if row.feature in names and row.standardised_difference.value is not None
    ]
    if len(summary.segments) < 2 or not found:
        return ""
    _, name, feature, median = max(found, key=lambda each: each[0])
    kind, unit = kind_of(summary, feature)
    both = (median, everyone[feature].median)
    own, others = (feature_value(each, kind=kind, unit=unit) for each in both)
    label = label_of(summary, feature)
    return f"{quoted(name)} stands out most, by {label}: median {own}, all users {others}"


def _draw(summary: "Summary", *, features: Sequence[str] | None = None) -> Drawing | None:
    """Draw a histogram per segment and feature, that of all users as a line upon it."""
    chosen = _chosen(summary, features)
    if not chosen:
        return None
    width = _CELL if len(chosen) > 1 else 520
    panels, datasets = [], {}
    for i, distribution in enumerate(chosen):
        name = f"bins_{i}"
        datasets[name] = _rows(summary, distribution)
        panels.append(_panel(summary, distribution, name, width, first=i == 0))
    total = max(_EMPTY, len(panels) * (width + 30))
    return Drawing(alt.hconcat(*panels), datasets, width=total)


def _known(summary: "Summary") -> "tuple[Distribution, ...]":
    return () if summary.pictures is None else summary.pictures.distributions


def _chosen(summary: "Summary", features: Sequence[str] | None) -> "list[Distribution]":
    by_name = {d.feature: d for d in _known(summary)}
    names = distribution_names(summary)[:_MAX_FEATURES] if features is None else features
    return [by_name[name] for name in names if name in by_name]


def _rows(summary: "Summary", distribution: "Distribution") -> Rows:
    """Return one row per segment and bin: its share and that of all users, scaled to one height.

    Segments stand below one another in one drawing: a row holds its places in pixels. A drawing
    per segment, in all, took most of the time of all figures.
    """
    everyone = sum(distribution.population) or 1
    overall = [n / everyone for n in distribution.population]
    rows: Rows = []
    for place, segment in enumerate(summary.segments[:_MAX_SEGMENTS]):
        counts = distribution.segments[segment.segment_id - 1]
        total = sum(counts) or 1
        shares = [n / total for n in counts]
        top = max(*shares, *overall) or 1.0
        foot = (place + 1) * (_HIGH + _GAP)
        for i, (share, of_all) in enumerate(zip(shares, overall, strict=True)):
            rows.append(
                {
                    "segment_id": segment.segment_id,
                    "color": segment_colour(summary.colour_number(segment.segment_id)),
                    "bin": i,
                    "share": round(share / top, 4),
                    "foot": foot,
                    "top": round(foot - _HIGH * share / top, 2),
                    "all": round(foot - _HIGH * of_all / top, 2),
                }
            )
        rows.append({**rows[-1], "bin": len(counts)})
    return rows


def _panel(
    summary: "Summary", distribution: "Distribution", data: str, width: int, *, first: bool
) -> "alt.LayerChart":
    shown = summary.segments[:_MAX_SEGMENTS]
    label = label_of(summary, distribution.feature)
    kind, unit = kind_of(summary, distribution.feature)
    is_shown = unit in ("", *label.split(), label, "share")
    layers = _histograms(distribution, _edges_axis(distribution, kind, unit, width), data)
    if first:
        heads: Rows = [
            {"text": f"{each.segment_id}  {each.name}", "y": i * (_HIGH + _GAP) + _GAP - 8}
            for i, each in enumerate(shown)
        ]
        mark = on(heads).mark_text(align="left", fontWeight=600, fontSize=12, limit=width + 120)
        layers.append(mark.encode(text=alt.Text("text:N"), x=at_x(0), y=pixels_y("y")))
    height = len(shown) * (_HIGH + _GAP)
    title = alt.TitleParams(
        label if is_shown else f"{label}, {unit}",
        fontSize=12.5,
        anchor="start",
        offset=6,
        frame="group",
    )
    return layered(layers, width=width, height=height).properties(title=title)


def _histograms(distribution: "Distribution", edges: "alt.Axis", data: str) -> "list[alt.Chart]":
    """Return the areas of the segments and the lines of all users."""
    scale = alt.Scale(domain=[0, len(distribution.population)], nice=False)
    x = alt.X("bin:Q", axis=edges, scale=scale)
    base = on_named(data)
    areas = base.mark_area(interpolate="step-after", opacity=1).encode(
        x=x,
        y=pixels_y("top"),
        y2=alt.Y2("foot:Q"),
        color=as_given(),
        detail=alt.Detail("segment_id:N"),
    )
    lines = base.mark_line(
        interpolate="step-after", color=ROLES["ink"].light, strokeWidth=1.1, opacity=0.85
    ).encode(x=x, y=pixels_y("all"), detail=alt.Detail("segment_id:N"))
    return [areas, lines]


def _edges_axis(distribution: "Distribution", kind: str, unit: str, width: int) -> "alt.Axis":
    """Label the edges in raw units: 4 to 8 of them; a bin of one whole number at its middle."""
    edges = distribution.edges
    n_bins = len(edges) - 1
    is_single = all(high - low == 1 and low % 1 == 0.5 for low, high in itertools.pairwise(edges))
    n_wanted = 4 if width <= _CELL else 9
    step = max(1, -(-n_bins // n_wanted))
    if is_single:
        places = [i + 0.5 for i in range(0, n_bins, step)]
        values = [edges[int(place)] + 0.5 for place in places]
    else:
        places = [float(i) for i in range(0, n_bins, step)]
        values = [edges[int(place)] + (0.5 if edges[0] % 1 == 0.5 else 0) for place in places]
    words = [_short(value, kind, unit) for value in values]
    if distribution.n_above and places:
        words[-1] += "…"
    cases = "{" + ",".join(f"'{p:g}':'{w}'" for p, w in zip(places, words, strict=True)) + "}"
    return alt.Axis(
        values=places,
        labelExpr=f"({cases})[format(datum.value, '~g')]",
        title=None,
        grid=False,
        labelFontSize=11,
        labelOverlap=True,
    )


def _short(value: float, kind: str, unit: str) -> str:
    text = feature_value(value, kind=kind, unit=unit)
    if not text.endswith("%"):
        text = f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.2g}"
    return text.replace(",", " ").replace("'", "")


def quartile_table(summary: "Summary", names: Iterable[str]) -> Table:
    """Return median and quartiles of some features by segment, in raw units."""
    wanted = tuple(names)
    offset = summary.data.utc_offset_hours

    def cell(row: "NumericStatistics | None", name: str) -> Shown:
        if row is None:
            return Shown(None, MISSING)
        kind, unit = kind_of(summary, name)
        low, middle, high = (
            feature_value(value, kind=kind, unit=unit, utc_offset_hours=offset)
            for value in (row.lower_quartile, row.median, row.upper_quartile)
        )
        quartiles = Estimate(row.median, row.lower_quartile, row.upper_quartile)
        return Shown(quartiles, f"{middle}\n{low} to {high}")

    def line(head: str, segment: "SegmentProfile", segment_id: int | None) -> Row:
        found = {row.feature: row for row in segment.numeric}
        cells = (cell(found.get(name), name) for name in wanted)
        return Row((head, *cells), segment_id, is_strong=segment_id is None)

    rows = [line(f"{s.segment_id} {s.name}", s, s.segment_id) for s in summary.segments]
    rows.append(line("all users", summary.population, None))
    return Table(
        name="quartiles",
        caption="Median, and below it the quartiles, in raw units",
        columns=(
            Column("segment", "segment"),
            *(Column(name, label_of(summary, name)) for name in wanted),
        ),
        rows=tuple(rows),
    )


def _tables(summary: "Summary") -> tuple[Table, ...]:
    return (quartile_table(summary, distribution_names(summary)[:_MAX_FEATURES]),)


FIGURE = Figure(
    name="distributions",
    title="How the values spread",
    width=_EMPTY,
    caption=_caption,
    draw=_draw,
    section="values",
    order=14,
    needs=lambda summary: bool(distribution_names(summary)),
    tables=_tables,
)
