"""The UMAP of the users, with how far it can be believed."""

from collections.abc import Sequence

from segmentry.formats import count, decimal, percent
from segmentry.present.figures._altair import alt
from segmentry.present.figures._candidates import thousandths
from segmentry.present.figures._colouring import label_of
from segmentry.present.figures._figure import Caption, Drawing, Figure, Rows, absent
from segmentry.present.figures._marks import as_given, layered, on_named, own_colours
from segmentry.present.figures._plane import (
    WIDTH,
    Frame,
    UserPlace,
    map_frame,
    user_layers,
    values_note,
)
from segmentry.present.tables import Column, Row, Shown, Table
from segmentry.present.theme import segment_colour
from segmentry.results.summary import Summary


def _caption(
    summary: "Summary", users: Sequence[UserPlace] = (), *, feature: str | None = None
) -> Caption:
    """Say how many near neighbours the map keeps, and what its distances do not mean.

    With `users` and a `feature`, also what the colours mean.
    """
    found = summary.embedding
    if found is None or not found.points:
        return absent("There is no UMAP of this run")
    overlap = percent(found.overlap_fitted, digits=0)
    finding = (
        f"UMAP keeps {overlap} of a user’s {found.n_neighbours} nearest neighbours "
        f"(a map without order {percent(found.overlap_of_chance, digits=1)}); trustworthiness "
        f"{decimal(found.trustworthiness_fitted)}"
    )
    return Caption(
        finding=finding,
        reading=f"Formed on {count(found.n_fitted)} users, {count(found.n_placed)} more put into "
        "it. Only which users are near each other has a meaning; distances between groups, their "
        "sizes and their shapes have none, and groups may appear where there are none."
        f"{values_note(users, feature)}",
        alt="Scatter plot of sampled users by UMAP, coloured by "
        f"{'segment' if feature is None else label_of(summary, feature)}. {finding}.",
    )


def _draw(
    summary: "Summary", users: Sequence[UserPlace] = (), *, feature: str | None = None
) -> Drawing | None:
    """Draw the UMAP of a sample of users; the axes have no units and are not drawn."""
    found = summary.embedding
    if found is None or not found.points:
        return None
    if users and feature is not None:
        frame = map_frame([(user.x, user.y) for user in users])
        layers, data = user_layers(summary, users, feature, axes=_axes(frame), name="points")
        chart = own_colours(layered(layers, width=frame.width, height=frame.height))
        return Drawing(chart, data)
    frame = map_frame([(point.x, point.y) for point in found.points])
    names = {s.segment_id: s.name for s in summary.segments}
    rows: Rows = [
        {
            "x": point.x,
            "y": point.y,
            "segment_id": point.segment_id,
            "segment": f"{point.segment_id} {names.get(point.segment_id, '')}",
            "color": segment_colour(summary.colour_number(point.segment_id)),
            "size": 20 if point.is_fitted else 11,
        }
        for point in found.points
    ]
    x, y = _axes(frame)
    dots = (
        on_named("points")
        .mark_circle(opacity=0.6)
        .encode(
            x=x,
            y=y,
            size=alt.Size("size:Q", scale=None),
            color=as_given(),
            tooltip=[alt.Tooltip("segment:N", title="segment")],
        )
    )
    return Drawing(layered([dots], width=frame.width, height=frame.height), {"points": rows})


def _axes(frame: Frame) -> "tuple[alt.X, alt.Y]":
    wide = alt.Scale(domain=[frame.x0, frame.x1], nice=False)
    high = alt.Scale(domain=[frame.y0, frame.y1], nice=False)
    return alt.X("x:Q", axis=None, scale=wide), alt.Y("y:Q", axis=None, scale=high)


def umap_table(summary: "Summary") -> Table:
    """Return how far the UMAP keeps neighbours together."""
    found = summary.embedding
    rows: tuple[Row, ...] = ()
    if found is not None:
        formed = (found.n_fitted, found.trustworthiness_fitted, found.overlap_fitted)
        placed = (found.n_placed, found.trustworthiness_placed, found.overlap_placed)
        chance = Shown(found.overlap_of_chance, percent(found.overlap_of_chance, digits=2))
        rows = (
            Row(("users that formed the map", *formed)),
            Row(("users put into it afterwards", *placed)),
            Row(("a map without any order", None, 0.5, chance)),
        )
    return Table(
        name="umap",
        caption="How far the UMAP keeps neighbours together",
        columns=(
            Column("users", ""),
            Column("n_users", "users", count),
            Column("trustworthiness", "trustworthiness", thousandths),
            Column("overlap", "nearest neighbours kept", percent),
        ),
        rows=rows,
    )


FIGURE = Figure(
    name="umap",
    title="Map: neighbours, by UMAP",
    width=WIDTH,
    caption=_caption,
    draw=_draw,
    section="maps",
    order=21,
    needs=lambda summary: summary.embedding is not None,
    tables=lambda summary: (umap_table(summary),),
)
