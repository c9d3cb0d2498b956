"""A sample of single users on the map, coloured by segment or by any feature, to hover over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segmentry.plots._caption import Caption, Rows, empty_chart, finish
from segmentry.plots._map import center_marks, map_axes, map_frame
from segmentry.plots._marks import as_given, layered, on_named
from segmentry.plots._theme import segment_colour
from segmentry.plots.formats import count, feature_value

if TYPE_CHECKING:
    import altair as alt

    from segmentry.summary import Summary

__all__ = ["UserPlace", "caption_users", "plot_users"]

_WIDTH = 600


@dataclass(frozen=True, slots=True)
class UserPlace:
    """A user on the first two components, and the raw values of the features to colour by."""

    user_id: str
    segment_id: int
    x: float
    y: float
    values: dict[str, float | None]


def caption_users(
    summary: "Summary", users: Sequence[UserPlace], *, feature: str | None = None
) -> Caption:
    """Say whom the map shows, and where a feature is large.

    Examples
    --------
    >>> caption_users(summary, (), feature=None).finding  # doctest: +SKIP
    'No user can be drawn'
    """
    if not users:
        text = "No user can be drawn"
        return Caption(finding=text, reading="", alt=f"{text}.")
    if feature is None:
        finding = f"{count(len(users))} users, in the colours of their segments"
    else:
        labels = {row.name: row.label for row in summary.features}
        label = labels.get(feature, feature)
        means = [
            (row.mean, segment.name)
            for segment in summary.segments
            for row in segment.numeric
            if row.feature == feature and row.mean is not None
        ]
        most = f": largest on average in “{max(means)[1]}”" if means else ""
        finding = f"{count(len(users))} users by {label}{most}"
    scale = "" if feature is None else " Light dots: large values (steps grow with the values)."
    return Caption(
        finding=finding,
        reading="A sample by hash of the id. Hover over a dot for the user. Numbered discs: the "
        f"segments’ centres.{scale}",
        alt=f"Scatter plot of sampled users on two principal components. {finding}.",
    )


def plot_users(
    summary: "Summary", users: Sequence[UserPlace], *, feature: str | None = None
) -> "alt.LayerChart | alt.Chart":
    """Draw a sample of users on the map.

    Parameters
    ----------
    summary : Summary
        The run.
    users : sequence of UserPlace
        The sample.
    feature : str, optional
        Colour by this feature; by segment when absent.

    Returns
    -------
    altair.LayerChart or altair.Chart
        Figure ``users``; without users, a chart that says so.

    Examples
    --------
    >>> plot_users(summary, users, feature="n_clicks")  # doctest: +SKIP
    """
    import altair as alt

    caption = caption_users(summary, users, feature=feature)
    if not users:
        return empty_chart(name="users", caption=caption, width=_WIDTH)
    frame = map_frame([(user.x, user.y) for user in users], width=_WIDTH)
    x, y = map_axes(frame, plane=summary.map)
    tooltip = [
        alt.Tooltip("user_id:N", title="user"),
        alt.Tooltip("segment:N", title="segment"),
        *([] if feature is None else [alt.Tooltip("told:N", title="value")]),
    ]
    colour = as_given()
    if feature is not None:
        labels = {row.name: row.label for row in summary.features}
        scale = alt.Scale(scheme="cividis", type="symlog")
        legend = alt.Legend(title=labels.get(feature, feature), orient="bottom")
        colour = alt.Color("value:Q", scale=scale, legend=legend)
    dots = (
        on_named("users")
        .mark_circle(size=26, opacity=0.75)
        .encode(x=x, y=y, color=colour, tooltip=tooltip)
    )
    layers = [dots, *center_marks(summary.map.centers, frame)]
    chart = layered(layers, width=frame.width, height=frame.height)
    rows = _rows(summary, users, feature)
    return finish(chart, name="users", caption=caption, width=_WIDTH, datasets={"users": rows})


def _rows(summary: "Summary", users: Sequence[UserPlace], feature: str | None) -> Rows:
    names = {s.segment_id: s.name for s in summary.segments}
    kinds = {row.name: (row.kind, row.unit) for row in summary.features}
    rows: Rows = []
    for user in users:
        row: dict[str, object] = {
            "user_id": user.user_id,
            "segment": f"{user.segment_id} {names.get(user.segment_id, '')}",
            "segment_id": user.segment_id,
            "x": round(user.x, 3),
            "y": round(user.y, 3),
            "color": segment_colour(user.segment_id),
        }
        if feature is not None:
            value = user.values.get(feature)
            row["value"] = value
            kind, unit = kinds.get(feature, ("count", ""))
            row["told"] = feature_value(value, kind=kind, unit=unit)
        rows.append(row)
    return rows
