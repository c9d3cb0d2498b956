"""A sample of single users on the map, coloured by segment or by any feature, to hover over."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from segmentry.formats import count, percent
from segmentry.present.figures._caption import Caption, Rows, empty_chart, finish
from segmentry.present.figures._colouring import colour_by, label_of, largest_in, layers_of
from segmentry.present.figures._map import (
    PAIRS,
    center_marks,
    map_axes,
    map_frame,
    pair_frame,
    thin,
)
from segmentry.present.figures._marks import as_given, layered, on_named, own_colours
from segmentry.present.figures._places import UserPlace
from segmentry.present.theme import segment_colour

if TYPE_CHECKING:
    import altair as alt

    from segmentry.results.summary import Summary


_WIDTH = 600
_PANEL = 252
_MOST_PAIR_USERS = 600


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
        largest = largest_in(summary, feature)
        finding = f"{count(len(users))} users by {label_of(summary, feature)}{largest}"
    return Caption(
        finding=finding,
        reading="A sample by hash of the id. Hover over a dot for the user. Numbered discs: the "
        f"segments’ centres.{told_of_values(users, feature)}",
        alt=f"Scatter plot of sampled users. {finding}.",
    )


def told_of_values(users: Sequence[UserPlace], feature: str | None) -> str:
    """Say what the colours of a feature mean, and of how many of the users it is unknown."""
    if feature is None:
        return ""
    n_unknown = sum(user.values.get(feature) is None for user in users)
    if not n_unknown:
        return " Colour: the user’s own value; it is known of all of them."
    return (
        f" Colour: the user’s own value; hollow: unknown, {count(n_unknown)} of these users "
        f"({percent(n_unknown / len(users))})."
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
    caption = caption_users(summary, users, feature=feature)
    if not users:
        return empty_chart(name="users", caption=caption, width=_WIDTH)
    frame = map_frame([(user.x, user.y) for user in users], width=_WIDTH)
    axes = map_axes(frame, plane=summary.map)
    layers, datasets = user_layers(summary, users, feature, axes=axes, name="users")
    layers += center_marks(summary.map.centers, frame)
    chart = own_colours(layered(layers, width=frame.width, height=frame.height))
    return finish(chart, name="users", caption=caption, width=_WIDTH, datasets=datasets)


def plot_user_pairs(
    summary: "Summary", users: Sequence[UserPlace], *, feature: str
) -> "alt.HConcatChart | alt.Chart":
    """Draw a sample of users on each pair of the first three components, by a feature.

    Parameters
    ----------
    summary : Summary
        The run.
    users : sequence of UserPlace
        The sample.
    feature : str
        Colour by this feature; `plot_map_pairs` draws segments.

    Returns
    -------
    altair.HConcatChart or altair.Chart
        Figure ``user_pairs``; without users or a second component, a chart that says so.

    Examples
    --------
    >>> plot_user_pairs(summary, users, feature="n_clicks")  # doctest: +SKIP
    """
    import altair as alt

    n_axes = min(3, len(summary.map.explained_variance_ratio))
    if not users or n_axes < 2:
        caption = caption_users(summary, (), feature=feature)
        return empty_chart(name="user_pairs", caption=caption, width=_WIDTH)
    users = thin(users, most=_MOST_PAIR_USERS)
    caption = caption_users(summary, users, feature=feature)
    panels, datasets = [], {}
    for pair in PAIRS if n_axes == 3 else PAIRS[:1]:
        frame = pair_frame([*users, *summary.map.centers], pair, width=_PANEL)
        axes = map_axes(frame, plane=summary.map, pair=pair)
        layers, data = user_layers(
            summary, users, feature, axes=axes, name="".join(pair), pair=pair, size=12
        )
        datasets.update(data)
        centers = center_marks(summary.map.centers, frame, pair=pair, size=190)
        panels.append(own_colours(layered([*layers, *centers], width=_PANEL, height=_PANEL)))
    width = len(panels) * (_PANEL + 40)
    return finish(
        own_colours(alt.hconcat(*panels)),
        name="user_pairs",
        caption=caption,
        width=width,
        datasets=datasets,
    )


def user_layers(
    summary: "Summary",
    users: Sequence[UserPlace],
    feature: str | None,
    *,
    axes: "tuple[alt.X, alt.Y]",
    name: str,
    pair: tuple[str, str] = ("x", "y"),
    size: int = 26,
) -> "tuple[list[alt.Chart], dict[str, Rows]]":
    """Return the dots of users by segment or by a feature, and the data they are drawn from."""
    import altair as alt

    tooltip = [alt.Tooltip("user_id:N", title="user"), alt.Tooltip("segment:N", title="segment")]

    def draw(
        base: "alt.Chart", colour: "alt.Color", is_known: bool, *more: "alt.Tooltip"
    ) -> "alt.Chart":
        dots: alt.Chart = base.mark_point(size=size, opacity=0.85, filled=is_known).encode(
            x=axes[0], y=axes[1], color=colour, tooltip=[*tooltip, *more]
        )
        return dots

    rows = _rows(summary, users, pair)
    if feature is None:
        for row, user in zip(rows, users, strict=True):
            row["color"] = segment_colour(user.segment_id)
        return [draw(on_named(name), as_given(), True)], {name: rows}
    told = alt.Tooltip("told:N", title=label_of(summary, feature))
    coloured = colour_by(summary, rows, [user.values.get(feature) for user in users], feature)
    return layers_of(coloured, name, lambda *given: draw(*given, told))


def _rows(summary: "Summary", users: Sequence[UserPlace], pair: tuple[str, str]) -> Rows:
    names = {s.segment_id: s.name for s in summary.segments}
    return [
        {
            "user_id": user.user_id,
            "segment": f"{user.segment_id} {names.get(user.segment_id, '')}",
            "x": round(getattr(user, pair[0]) or 0.0, 3),
            "y": round(getattr(user, pair[1]) or 0.0, 3),
        }
        for user in users
    ]
